import type { RequestListener } from 'node:http';
import type { Socket } from 'node:net';

const maxWaiting = 16;

/**
 * Handles the requests of one connection one after another. Node would start pipelined ones at once, and when the
 * connection ends it tells only the first response: what the others hold (files, connections to the core) would
 * never be given back.
 */
export function inTurn(handler: RequestListener): RequestListener {
  const queues = new WeakMap<Socket, (() => void)[]>();
  return (request, response) => {
    const { socket } = request;
    const start = () => {
      response.once('close', () => {
        const next = socket.destroyed ? undefined : queues.get(socket)?.shift();
        if (next) next();
        else queues.delete(socket);
      });
      handler(request, response);
    };
    const queue = queues.get(socket);
    if (!queue) {
      queues.set(socket, []);
      start();
    } else if (queue.length < maxWaiting) {
      queue.push(start);
    } else {
      socket.destroy();
    }
  };
}
