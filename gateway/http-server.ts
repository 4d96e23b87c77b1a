import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, type ServerOptions } from 'node:https';
import type { Socket } from 'node:net';
import type { Config } from '../runtime/config-schema.ts';
import { closeOnlyIdle } from '../runtime/idle-connections.ts';
import type { Log } from '../runtime/log.ts';
import { answerClientError, refuseConnect } from './client-error.ts';
import type { ProxiedConnections } from './proxied/connections.ts';

const second = 1000;

const keepAliveTimeout = 75 * second;
const handshakeTimeout = 20 * second;
const maxCheckingInterval = 5 * second;

export type Timeouts = Pick<Config, 'timeouts.headers' | 'timeouts.idle'>;

export interface HttpServerOptions {
  tls?: ServerOptions | undefined;
  /** Where connections begin with a PROXY header. */
  proxied?: ProxiedConnections | undefined;
  /** For each connection before TLS; of one that begins with a PROXY header, when that has been read. */
  onConnection?: (socket: Socket) => void;
  /** For what was refused before it was a request, with the status of the answer. */
  onMalformed?: (status: number) => void;
  timeouts: Timeouts;
  log: Log;
}

/** A server with this gateway's limits that answers in JSON also where Node would answer by itself. */
export function makeHttpServer(
  handler: RequestListener,
  { tls, proxied, onConnection, onMalformed, timeouts, log }: HttpServerOptions,
): Server {
  const headersTimeout = timeouts['timeouts.headers'];
  const options = {
    // A request has no limit as a whole: see `body-deadlines.ts`.
    requestTimeout: 0,
    headersTimeout,
    keepAliveTimeout,
    connectionsCheckingInterval: Math.min(maxCheckingInterval, headersTimeout / 2),
    noDelay: true,
    keepAlive: true,
    requireHostHeader: false,
  };
  const server = tls
    ? createTlsServer({ ...tls, ...options, handshakeTimeout })
    : createServer({ ...options, insecureHTTPParser: false });
  if (onConnection) server.on('connection', onConnection);
  proxied?.guard(server);
  server.setTimeout(timeouts['timeouts.idle'], closeIdle);
  const handle = closeOnlyIdle(server, handler);
  server.on('request', handle);
  // With these two listeners an `Expect` is left to the handler, instead of an answer before anything is checked.
  server.on('checkContinue', handle);
  server.on('checkExpectation', handle);
  server.on('connect', (_request, socket) => refuseConnect(socket));
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    // Gone once the socket is closed.
    const address = proxied?.sourceOf(socket as Socket) ?? (socket as Socket).remoteAddress;
    const answer = answerClientError(error, socket);
    if (!answer) {
      log.debug('connection broken off', { address, code: error.code });
      return;
    }
    const { requestId, status, inRequest } = answer;
    log.info('request refused', { requestId, status, address, code: error.code });
    if (!inRequest) onMalformed?.(status);
  });
  server.on('tlsClientError', (error: NodeJS.ErrnoException) => {
    log.debug('TLS handshake failed', { code: error.code });
  });
  return server;
}

/**
 * Nothing has moved on a connection for a while. A client that has said all and waits is not to blame: making the last
 * bytes of a large upload durable may take minutes.
 */
function closeIdle(socket: Socket): void {
  const { _httpMessage: response } = socket as { _httpMessage?: ServerResponse };
  const isOurTurn = response?.req.complete === true && !response.headersSent;
  if (!isOurTurn) socket.destroy();
}
