import type { Log } from '../../runtime/log.ts';
import { type Channel, type Handler, ownServices } from './channel.ts';
import { Link } from './link.ts';

/** A worker's channel to its primary. */
export async function openWorkerChannel(log: Log): Promise<Channel> {
  const handlers = new Map<string, Handler>();
  const link = new Link({
    send: (batch, sent) => process.send!(batch, undefined, {}, sent),
    handlers,
    worker: 0,
    log,
  });
  process.on('message', (message) => link.receive(message));
  process.on('disconnect', () => link.close());
  const secret = (await link.call(ownServices.secret, null)) as string;
  return {
    sharedSecret: Buffer.from(secret, 'base64'),
    call: async <Reply>(service: string, payload: unknown = null) =>
      (await link.call(service, payload)) as Reply,
    post: (service, payload = null) => link.post(service, payload),
    serve: (service, handler) => void handlers.set(service, handler),
    settle: () => link.call(ownServices.sync, null).then(nothing, nothing),
  };
}

function nothing(): void {}
