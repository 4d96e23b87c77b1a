import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Server as TlsServer } from 'node:tls';

interface Use {
  /** Requests that have not been answered to the last byte. */
  requests: number;
  /** What had been received when the last one was. */
  bytesRead: number;
}

/**
 * Node takes a connection for idle as soon as its answer was handed over, and `closeIdleConnections`, which `close` calls
 * too, then drops what a slow client has not been sent yet. Here it ends only connections whose last answer has gone to
 * the kernel, and on which nothing has come since.
 * @returns the handler to give to the server.
 */
export function closeOnlyIdle(server: Server, handler: RequestListener): RequestListener {
  const sockets = new Map<Socket, Use>();
  const use = (socket: Socket): Use => {
    let known = sockets.get(socket);
    if (!known) {
      known = { requests: 0, bytesRead: 0 };
      sockets.set(socket, known);
      socket.once('close', () => sockets.delete(socket));
    }
    return known;
  };
  // Never used. Of TLS this is not the socket that requests come on, and whoever went to the trouble is about to ask.
  if (!(server instanceof TlsServer)) server.on('connection', use);
  server.closeIdleConnections = () => {
    for (const [socket, { requests, bytesRead }] of sockets) {
      if (requests === 0 && socket.bytesRead === bytesRead) socket.destroy();
    }
  };
  return (request, response) => {
    follow(request, response, use(request.socket));
    handler(request, response);
  };
}

function follow(request: IncomingMessage, response: ServerResponse, use: Use): void {
  const { socket } = request;
  const look = () => {
    use.bytesRead = socket.bytesRead;
  };
  use.requests++;
  response.once('close', () => {
    use.requests--;
    look();
    // It was answered before its body was in: the rest of it is no new request.
    if (!request.complete) request.once('end', look);
  });
}
