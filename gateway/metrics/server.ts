import { createServer } from 'node:http';
import { OciError } from '../../oci/errors.ts';
import { sendError } from '../../runtime/error-response.ts';
import type { Log } from '../../runtime/log.ts';
import type { Endpoint } from '../../runtime/settings/values.ts';
import { bind } from '../bind.ts';
import { contentType } from './registry.ts';

export interface MetricsServer {
  port: number;
  url: string;
  close(): Promise<void>;
}

/** `GET /metrics` on an address of its own: it tells how a site is used, so it is nothing for the front door. */
export async function openMetricsServer(
  { host, port }: Endpoint,
  scrape: () => Promise<string>,
  log: Log,
): Promise<MetricsServer> {
  let current: Promise<string> | undefined;
  const once = () => {
    current ??= scrape().finally(() => {
      current = undefined;
    });
    return current;
  };
  const makeServer = () =>
    createServer(async (request, response) => {
      try {
        if (request.url?.split('?', 1)[0] !== '/metrics') throw new OciError('NOT_FOUND');
        if (request.method !== 'GET' && request.method !== 'HEAD') {
          throw new OciError('UNSUPPORTED', { headers: { Allow: 'GET, HEAD' } });
        }
        const text = await once();
        response.writeHead(200, { 'Content-Type': contentType, 'Content-Length': Buffer.byteLength(text) });
        response.end(request.method === 'HEAD' ? undefined : text);
      } catch (error) {
        sendError(response, error, log, 'metrics');
      }
    });
  const [server] = await bind(makeServer, { addresses: [host], port, setting: 'metrics.listen' });
  const address = server!.address();
  const actual = typeof address === 'object' && address ? address.port : port;
  log.info('metrics are served', { address: host, port: actual });
  return {
    port: actual,
    url: `http://${host.includes(':') ? `[${host}]` : host}:${actual}/metrics`,
    close: () =>
      new Promise((resolve) => {
        server!.close(() => resolve());
        server!.closeAllConnections();
      }),
  };
}
