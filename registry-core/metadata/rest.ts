import type { Database } from '../../runtime/sqlite.ts';

const leastMs = 1;
const mostMs = 50;
/** After this long without a write of anybody else a run takes all it can get. */
const quietMs = 1000;
/** How long one transaction may take, while others write and while nobody does: then the first who comes waits once. */
const sharedMs = 4;
const aloneMs = 20;
/** While others write, of the time that a run takes it leaves them twice as much. */
const share = 2;

/**
 * How long a transaction of a run may take, and how long the run rests before the next one, so that those who push
 * get their turn with the lock, the disk and the processor. `PRAGMA data_version` tells whether another connection has written since the last look.
 */
export class Rest {
  readonly #database: Database;
  #version: unknown;
  #othersWroteAt = Number.NEGATIVE_INFINITY;
  #workedMs = 0;

  constructor(database: Database) {
    this.#database = database;
    this.#version = this.#readVersion();
  }

  /** Runs one transaction, and counts its time. */
  during<Result>(transaction: () => Result): Result {
    const startedAt = performance.now();
    try {
      return transaction();
    } finally {
      this.#workedMs += performance.now() - startedAt;
    }
  }

  /** How long the next transaction may keep a writer waiting. */
  transactionMs(): number {
    return this.#isAlone() ? aloneMs : sharedMs;
  }

  /** Milliseconds, for what was worked since the last call. */
  next(): number {
    const workedMs = this.#workedMs;
    this.#workedMs = 0;
    return this.#isAlone() ? leastMs : Math.min(mostMs, Math.max(leastMs, share * workedMs));
  }

  #isAlone(): boolean {
    const version = this.#readVersion();
    if (version !== this.#version) this.#othersWroteAt = performance.now();
    this.#version = version;
    return performance.now() - this.#othersWroteAt > quietMs;
  }

  #readVersion(): unknown {
    return this.#database.pragma('data_version', { simple: true });
  }
}
