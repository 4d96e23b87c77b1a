import type { Log } from '../../runtime/log.ts';
import { ChannelError, type Handler } from './channel.ts';

/** What goes over the channel between two processes: all that came up in one turn of the event loop. */
export interface Batch {
  batch: Entry[];
}

type Entry =
  | { post: string; payload: unknown }
  | { call: string; id: number; payload: unknown }
  | { reply: number; payload: unknown }
  | { refusal: number; message: string };

export interface LinkOptions {
  send(batch: Batch, sent: (error: Error | null) => void): void;
  handlers: ReadonlyMap<string, Handler>;
  /** The number that handlers are told. */
  worker: number;
  log: Log;
}

interface Pending {
  resolve(payload: unknown): void;
  reject(error: Error): void;
  deadline: number;
}

const answerLimitMs = 10_000;
const sweepMs = 1000;
/** Entries that wait while the other side does not read; more posts are dropped. */
const maxWaiting = 100_000;

/**
 * One end of a channel between two processes. A message costs a system call and a wake-up on the other side, so what
 * comes up in one turn goes as one, and the next one goes when this one is written.
 */
export class Link {
  readonly #options: LinkOptions;
  readonly #pending = new Map<number, Pending>();
  readonly #sweep: NodeJS.Timeout;
  #queue: Entry[] = [];
  #isSending = false;
  #isScheduled = false;
  #isClosed = false;
  #lastId = 0;
  /** Posts that found no room. */
  dropped = 0;

  constructor(options: LinkOptions) {
    this.#options = options;
    this.#sweep = setInterval(() => this.#giveUpOld(), sweepMs).unref();
  }

  call(service: string, payload: unknown): Promise<unknown> {
    if (this.#isClosed) return Promise.reject(new ChannelError('the other process is gone'));
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject, deadline: performance.now() + answerLimitMs });
      this.#enqueue({ call: service, id, payload });
    });
  }

  post(service: string, payload: unknown): void {
    if (this.#queue.length >= maxWaiting) this.dropped++;
    else this.#enqueue({ post: service, payload });
  }

  /** @param message anything that came; what is no batch is somebody else's. */
  receive(message: unknown): void {
    const batch = (message as Partial<Batch> | null)?.batch;
    if (!Array.isArray(batch)) return;
    for (const entry of batch) this.#take(entry);
  }

  /** What waits for an answer fails. */
  close(): void {
    this.#isClosed = true;
    clearInterval(this.#sweep);
    for (const pending of this.#pending.values()) {
      pending.reject(new ChannelError('the other process is gone'));
    }
    this.#pending.clear();
  }

  #take(entry: Entry): void {
    if ('call' in entry) return void this.#answer(entry.call, entry.id, entry.payload);
    if ('post' in entry) return void this.#accept(entry.post, entry.payload);
    const id = 'reply' in entry ? entry.reply : entry.refusal;
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    if ('reply' in entry) pending?.resolve(entry.payload);
    else pending?.reject(new Error(entry.message));
  }

  async #answer(service: string, id: number, payload: unknown): Promise<void> {
    try {
      this.#enqueue({ reply: id, payload: await this.#handle(service, payload) });
    } catch (error) {
      this.#enqueue({ refusal: id, message: (error as Error).message });
    }
  }

  /** Nobody waits for a post, so its failure is told here. */
  async #accept(service: string, payload: unknown): Promise<void> {
    try {
      await this.#handle(service, payload);
    } catch (error) {
      this.#options.log.error('message between workers failed', { service, error });
    }
  }

  #handle(service: string, payload: unknown): unknown {
    const { handlers, worker } = this.#options;
    const handler = handlers.get(service);
    if (!handler) throw new Error(`nobody serves "${service}"`);
    return handler(payload, worker);
  }

  #enqueue(entry: Entry): void {
    if (this.#isClosed) return;
    this.#queue.push(entry);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#isScheduled || this.#isSending) return;
    this.#isScheduled = true;
    setImmediate(() => this.#flush());
  }

  #flush(): void {
    this.#isScheduled = false;
    if (this.#isClosed || this.#queue.length === 0) return;
    const batch = this.#queue;
    this.#queue = [];
    this.#isSending = true;
    this.#options.send({ batch }, () => {
      // An error here is a closed channel, of which `close` hears.
      this.#isSending = false;
      if (this.#queue.length > 0) this.#schedule();
    });
  }

  /** They are in the order of their deadlines. */
  #giveUpOld(): void {
    const now = performance.now();
    for (const [id, pending] of this.#pending) {
      if (pending.deadline > now) return;
      this.#pending.delete(id);
      pending.reject(new ChannelError(`no answer within ${answerLimitMs} ms`));
    }
  }
}
