import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer, type ServerOptions } from 'node:https';
import type { Socket } from 'node:net';
import type { Log } from '../runtime/log.ts';
import { answerClientError, refuseConnect } from './client-error.ts';
import type { ProxiedConnections } from './proxied/connections.ts';

const second = 1000;
const minute = 60 * second;

/** A request has no limit as a whole: a slow but honest push may take hours, as long as it moves. */
const timeouts = {
  requestTimeout: 0,
  headersTimeout: 30 * second,
  keepAliveTimeout: 75 * second,
  connectionsCheckingInterval: 5 * second,
};
const handshakeTimeout = 20 * second;
/** Without a byte in either direction for this long, a connection is cut. */
const idleTimeoutMs = 5 * minute;

export interface HttpServerOptions {
  tls?: ServerOptions | undefined;
  /** Where connections begin with a PROXY header. */
  proxied?: ProxiedConnections | undefined;
  log: Log;
}

/** A server with this gateway's limits that answers in JSON also where Node would answer by itself. */
export function makeHttpServer(handler: RequestListener, { tls, proxied, log }: HttpServerOptions): Server {
  const options = { ...timeouts, noDelay: true, keepAlive: true, requireHostHeader: false };
  const server = tls
    ? createTlsServer({ ...tls, ...options, handshakeTimeout })
    : createServer({ ...options, insecureHTTPParser: false });
  proxied?.guard(server);
  server.setTimeout(idleTimeoutMs);
  server.on('request', handler);
  // With these two listeners an `Expect` is left to the handler, instead of an answer before anything is checked.
  server.on('checkContinue', handler);
  server.on('checkExpectation', handler);
  server.on('connect', (_request, socket) => refuseConnect(socket));
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    // Gone once the socket is closed.
    const address = proxied?.sourceOf(socket as Socket) ?? (socket as Socket).remoteAddress;
    const answer = answerClientError(error, socket);
    if (answer) log.info('request refused', { ...answer, address, code: error.code });
    else log.debug('connection broken off', { address, code: error.code });
  });
  server.on('tlsClientError', (error: NodeJS.ErrnoException) => {
    log.debug('TLS handshake failed', { code: error.code });
  });
  return server;
}
