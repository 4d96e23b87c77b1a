import { randomBytes } from 'node:crypto';
import type { Log } from '../../runtime/log.ts';
import type { Channel, Handler, Hub } from './channel.ts';

/** Both ends in one process: what is asked is answered on the spot. Its one worker has the number 1. */
export function openDirectChannel(log: Log): { channel: Channel; hub: Hub } {
  const sharedSecret = randomBytes(32);
  const ofHub = new Map<string, Handler>();
  const ofWorker = new Map<string, Handler>();
  const channel: Channel = {
    sharedSecret,
    // Not an async function: each request asks several times, mostly for what is there at once.
    call: <Reply>(service: string, payload?: unknown): Promise<Reply> => {
      try {
        return Promise.resolve(handlerOf(ofHub, service)(payload, 1) as Reply);
      } catch (error) {
        return Promise.reject(error);
      }
    },
    post: (service, payload) => {
      try {
        const done = handlerOf(ofHub, service)(payload, 1);
        if (done instanceof Promise) done.catch((error) => failed(log, service, error));
      } catch (error) {
        failed(log, service, error);
      }
    },
    serve: (service, handler) => void ofWorker.set(service, handler),
    settle: async () => {},
  };
  const hub: Hub = {
    sharedSecret,
    serve: (service, handler) => void ofHub.set(service, handler),
    askAll: async <Reply>(service: string, payload?: unknown) => [
      (await handlerOf(ofWorker, service)(payload, 0)) as Reply,
    ],
    onGone: () => {},
  };
  return { channel, hub };
}

function handlerOf(handlers: Map<string, Handler>, service: string): Handler {
  const handler = handlers.get(service);
  if (!handler) throw new Error(`nobody serves "${service}"`);
  return handler;
}

/** Nobody waits for a post, so its failure is told here. */
function failed(log: Log, service: string, error: unknown): void {
  log.error('message between workers failed', { service, error });
}
