import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { onEnd, type Scope } from './scope.ts';

/**
 * Starts an HTTP proxy that leads every CONNECT to one port of this machine, whatever was asked for. A client
 * that is lenient with loopback addresses reaches the gateway under another address through it.
 *
 * @returns its URL, for HTTPS_PROXY
 */
export async function startTunnel(scope: Scope, port: number): Promise<string> {
  const ends = new Set<Duplex>();
  const server = createServer((_request, response) => response.writeHead(405).end());
  server.on('connect', (_request, client: Duplex, head: Buffer) => {
    const upstream = connect(port, 'localhost');
    for (const [end, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      ends.add(end);
      end.on('error', () => {}).once('close', () => ends.delete(end) && other.destroy());
    }
    upstream.once('connect', () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n');
      upstream.write(head);
      client.pipe(upstream).pipe(client);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onEnd(scope, async () => {
    for (const end of ends) end.destroy();
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
