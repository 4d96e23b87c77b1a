import { type AuditEntry, formatEntry } from '../../runtime/audit-entry.ts';
import { type Batch, type CredentialUse, entrySeparator, type Sink } from './batch.ts';

/** How long the first of a batch waits, unless the batch before is still being written: what kill -9 may lose. */
const flushMs = 250;
/** So many do not wait. */
const maxBatch = 1000;
const retryMs = 1000;
/** While nothing can be written; some 10 MiB. Beyond it the newest are lost, and counted. */
const maxWaiting = 20_000;
const maxUses = 10_000;

export interface QueueState {
  /** Entries written since the start. */
  written: number;
  waiting: number;
  /** Entries lost because nothing could be written for too long. */
  dropped: number;
  /** Why the last write failed; null when it did not. */
  error: string | null;
}

/** Gathers entries and hands them on in batches, one at a time. Adding never waits and never throws. */
export class EntryQueue {
  readonly #sink: Sink;
  readonly #onChange: (state: QueueState) => void;
  readonly #uses = new Map<string, CredentialUse>();
  #lines: string[] = [];
  #firstAt = Number.POSITIVE_INFINITY;
  #lastAt = 0;
  /** When the first that waits came, by the monotonic clock. */
  #waitingSince: number | undefined;
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> | undefined;
  #written = 0;
  #dropped = 0;
  #error: string | null = null;
  #closed = false;

  /** @param onChange called when writing begins to fail, and when it works again. */
  constructor(sink: Sink, onChange: (state: QueueState) => void) {
    this.#sink = sink;
    this.#onChange = onChange;
  }

  add(entry: AuditEntry): void {
    if (this.#lines.length >= maxWaiting) {
      this.#dropped++;
      return;
    }
    this.#lines.push(formatEntry(entry));
    if (entry.at < this.#firstAt) this.#firstAt = entry.at;
    if (entry.at > this.#lastAt) this.#lastAt = entry.at;
    this.#arm();
  }

  use(use: CredentialUse): void {
    if (this.#uses.size >= maxUses && !this.#uses.has(use.credential)) return;
    this.#uses.set(use.credential, use);
    this.#arm();
  }

  state(): QueueState {
    return {
      written: this.#written,
      waiting: this.#lines.length,
      dropped: this.#dropped,
      error: this.#error,
    };
  }

  /** Writes what waits, once. What cannot be written now, or comes later, is lost with the process. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#writing;
    await this.#flush();
  }

  #arm(): void {
    this.#waitingSince ??= performance.now();
    if (this.#writing || this.#closed) return;
    if (this.#lines.length >= maxBatch && this.#error === null) {
      clearTimeout(this.#timer);
      void this.#flush();
    } else if (this.#timer === undefined) {
      // What came while a slow disk was busy with the batch before has waited already.
      const delayMs =
        this.#error === null ? Math.max(0, flushMs - (performance.now() - this.#waitingSince)) : retryMs;
      this.#timer = setTimeout(() => void this.#flush(), delayMs);
    }
  }

  #flush(): Promise<void> {
    this.#timer = undefined;
    if (this.#lines.length === 0 && this.#uses.size === 0) return Promise.resolve();
    const taken = this.#take();
    this.#writing = this.#sink(taken.batch)
      .then(
        () => this.#succeeded(taken.batch.count),
        (error: Error) => this.#failed(taken, error),
      )
      .finally(() => {
        this.#writing = undefined;
        if (this.#lines.length > 0 || this.#uses.size > 0) this.#arm();
      });
    return this.#writing;
  }

  #take() {
    const lines = this.#lines;
    const batch: Batch = {
      entries: lines.join(entrySeparator),
      count: lines.length,
      firstAt: this.#firstAt,
      lastAt: this.#lastAt,
      uses: [...this.#uses.values()],
    };
    this.#uses.clear();
    [this.#lines, this.#firstAt, this.#lastAt] = [[], Number.POSITIVE_INFINITY, 0];
    this.#waitingSince = undefined;
    return { batch, lines };
  }

  #succeeded(count: number): void {
    this.#written += count;
    if (this.#error === null) return;
    this.#error = null;
    this.#onChange(this.state());
  }

  /** Back to the front; together with what came meanwhile it may be more than there is room for. */
  #failed({ batch, lines }: { batch: Batch; lines: string[] }, { message }: Error): void {
    const all = lines.concat(this.#lines);
    this.#lines = all.slice(0, maxWaiting);
    this.#dropped += all.length - this.#lines.length;
    this.#firstAt = Math.min(this.#firstAt, batch.firstAt);
    this.#lastAt = Math.max(this.#lastAt, batch.lastAt);
    for (const use of batch.uses) if (!this.#uses.has(use.credential)) this.#uses.set(use.credential, use);
    const begins = this.#error === null;
    this.#error = message;
    if (begins) this.#onChange(this.state());
  }
}
