import type { Server } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';

/**
 * Stops taking connections, closes idle ones, lets requests under way finish.
 * @param limitMs after which what is left is cut.
 */
export async function drainServer(server: Server, limitMs: number): Promise<void> {
  // This closes the connections that are idle already.
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  // A connection becomes idle when its request ends; Node closes it only at the next request otherwise.
  const sweep = setInterval(() => server.closeIdleConnections(), 50);
  await Promise.race([closed, delay(limitMs, undefined, { ref: false })]);
  clearInterval(sweep);
  server.closeAllConnections();
  await closed;
}
