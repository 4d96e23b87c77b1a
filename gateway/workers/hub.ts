import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import type { Log } from '../../runtime/log.ts';
import type { Handler, Hub } from './channel.ts';
import { Link } from './link.ts';

/** The primary's end of the channels to all workers. */
export class WorkerHub implements Hub {
  readonly sharedSecret = randomBytes(32);
  readonly #handlers = new Map<string, Handler>();
  readonly #links = new Map<number, Link>();
  readonly #gone: ((worker: number) => void)[] = [];
  readonly #log: Log;
  #lastId = 0;

  constructor(log: Log) {
    this.#log = log;
  }

  serve(service: string, handler: Handler): void {
    this.#handlers.set(service, handler);
  }

  onGone(listener: (worker: number) => void): void {
    this.#gone.push(listener);
  }

  async askAll<Reply>(service: string, payload: unknown = null): Promise<Reply[]> {
    const asked = [...this.#links.values()].map((link) => link.call(service, payload));
    const settled = await Promise.allSettled(asked);
    return settled.filter((result) => result.status === 'fulfilled').map(({ value }) => value as Reply);
  }

  /** From its start on; what it says is heard until it is gone. */
  attach(worker: ChildProcess): void {
    const id = ++this.#lastId;
    const link = new Link({
      send: (batch, sent) => void worker.send(batch, undefined, {}, sent),
      handlers: this.#handlers,
      worker: id,
      log: this.#log,
    });
    this.#links.set(id, link);
    worker.on('message', (message) => link.receive(message));
    worker.once('exit', () => {
      this.#links.delete(id);
      link.close();
      for (const listener of this.#gone) listener(id);
    });
  }
}
