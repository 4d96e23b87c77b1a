import type { RequestListener, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

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
  server.closeIdleConnections = () => {
    for (const [socket, { requests, bytesRead }] of sockets) {
      if (requests === 0 && socket.bytesRead === bytesRead) socket.destroy();
    }
  };
  return (request, response) => {
    const { socket } = request;
    let use = sockets.get(socket);
    if (!use) {
      use = { requests: 0, bytesRead: 0 };
      sockets.set(socket, use);
      socket.once('close', () => sockets.delete(socket));
    }
    follow(response, socket, use);
    handler(request, response);
  };
}

function follow(response: ServerResponse, socket: Socket, use: Use): void {
  use.requests++;
  response.once('close', () => {
    use.requests--;
    use.bytesRead = socket.bytesRead;
  });
}
