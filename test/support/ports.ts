import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';

/** The kernel may name one twice, as long as nobody listens on it. */
const named = new Set<number>();

/** A TCP port that nobody listened on a moment ago, on any address; another one each time. */
export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  // The next one is asked for while this one is still taken.
  const answer = named.has(port) ? freePort() : port;
  named.add(port);
  try {
    return await answer;
  } finally {
    server.close();
    await once(server, 'close');
  }
}
