import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { bind } from './bind.ts';
import { type HttpServerOptions, makeHttpServer } from './http-server.ts';
import { inTurn } from './in-turn.ts';

export interface ListenOptions extends HttpServerOptions {
  /** Empty: all, IPv6 and IPv4. */
  addresses: readonly string[];
  /** 0: any free one, the same for all addresses. */
  port: number;
  /** Descriptors of sockets that are bound already: these, and not the addresses. */
  inherited?: readonly number[] | undefined;
  /** Name of the setting that the port comes from, for the message when it cannot be had. */
  setting: string;
}

export interface Listener {
  servers: readonly Server[];
  addresses: { address: string; port: number }[];
  port: number;
  requests: { total: number; active: number };
  /** Open ones, those in their handshake too. */
  connections(): number;
  isDraining(): boolean;
  /** Takes nothing new, lets what is under way finish for so long, then cuts it. */
  close(drainMs: number): Promise<void>;
}

/** How long a client may go on sending a body that was answered already. */
const bodyLingerMs = 5000;
const drainStepMs = 25;

export async function openListener(handler: RequestListener, options: ListenOptions): Promise<Listener> {
  const requests = { total: 0, active: 0 };
  const active = new Set<ServerResponse>();
  const sockets = new Set<Socket>();
  let draining = false;
  const counted = inTurn((request, response) => {
    requests.total++;
    requests.active++;
    active.add(response);
    if (draining) response.setHeader('Connection', 'close');
    response.once('close', () => {
      requests.active--;
      active.delete(response);
      endBody(request);
    });
    handler(request, response);
  });
  const servers = await bind(() => track(makeHttpServer(counted, options), sockets), options);
  const addresses = servers.map((server) => {
    const { address, port } = server.address() as AddressInfo;
    return { address, port };
  });
  const close = async (drainMs: number) => {
    draining = true;
    for (const response of active) if (!response.headersSent) response.setHeader('Connection', 'close');
    const closed = servers.map((server) => new Promise((resolve) => server.close(resolve)));
    const deadline = performance.now() + drainMs;
    while (active.size > 0 && performance.now() < deadline) {
      for (const server of servers) server.closeIdleConnections();
      await delay(drainStepMs);
    }
    for (const socket of sockets) socket.destroy();
    // A server is closed before its last sockets say so, and what was cut is written down only then.
    const ends = [...active].map((response) => new Promise((resolve) => response.once('close', resolve)));
    await Promise.all([...closed, ...ends]);
  };
  return {
    servers,
    addresses,
    port: addresses[0]!.port,
    requests,
    connections: () => sockets.size,
    isDraining: () => draining,
    close,
  };
}

/** All connections, those in their handshake too, of which the HTTP server does not know yet. */
function track(server: Server, sockets: Set<Socket>): Server {
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  return server;
}

/**
 * A request answered before its body was in (refused, mostly): the rest is read and dropped, so that the client
 * gets to read the answer and may use the connection again; a client that goes on sending is cut off.
 */
function endBody(request: IncomingMessage): void {
  const { socket } = request;
  if (request.complete || socket.destroyed) return;
  request.unpipe();
  request.resume();
  const timer = setTimeout(() => socket.destroy(), bodyLingerMs).unref();
  const done = () => {
    clearTimeout(timer);
    // The connection may live on for thousands of requests.
    socket.off('close', done);
  };
  request.once('end', done);
  socket.once('close', done);
}
