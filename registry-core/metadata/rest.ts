import type { Database } from '../../runtime/sqlite.ts';

const leastMs = 1;
const mostMs = 50;
/** After this long without a write of anybody else a run takes all it can get. */
const quietMs = 1000;
/** How long one transaction may take, while others write and while nobody does: then the first who comes waits once. */
const sharedMs = 4;
const aloneMs = 20;
/** Where no core serves the store, and when one starts meanwhile its first request waits once. */
const unservedMs = 80;
/**
 * Pages of the log after which it is copied into the database, with two syncs. Whoever commits next does the copying:
 * where that may be somebody's push there are to be few.
 */
const checkpointPages = { served: 1000, unserved: 16_000 };
/**
 * How many files a sweep may remove before it forgets their rows in one transaction. Each time it waits for the disk,
 * and changes pages of the table that the next time may have to change again.
 */
const swept = { served: 250, unserved: 4000 };
/** While others write, of the time that a run takes it leaves them twice as much. */
const share = 2;

/**
 * How long a transaction of a run may take, and how long the run rests before the next one, so that those who push
 * get their turn with the lock, the disk and the processor. `PRAGMA data_version` tells whether another connection has written since the last look.
 */
export class Rest {
  readonly #database: Database;
  readonly #isServedNow: () => boolean;
  #isServed = true;
  #version: unknown;
  #othersWroteAt = Number.NEGATIVE_INFINITY;
  #workedMs = 0;

  constructor(database: Database, isServed: () => boolean = () => true) {
    this.#database = database;
    this.#isServedNow = isServed;
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
    this.#look();
    if (!this.#isServed) return unservedMs;
    return this.#isAlone() ? aloneMs : sharedMs;
  }

  /** How many rows a transaction of sweep may forget. */
  sweepLimit(): number {
    this.#look();
    return this.#isServed ? swept.served : swept.unserved;
  }

  /** Milliseconds, for what was worked since the last call. */
  next(): number {
    const workedMs = this.#workedMs;
    this.#workedMs = 0;
    this.#look();
    return !this.#isServed || this.#isAlone()
      ? leastMs
      : Math.min(mostMs, Math.max(leastMs, share * workedMs));
  }

  #look(): void {
    const isServed = this.#isServedNow();
    if (isServed === this.#isServed) return;
    this.#isServed = isServed;
    this.#database.pragma(`wal_autocheckpoint = ${checkpointPages[isServed ? 'served' : 'unserved']}`);
    if (isServed) this.#database.pragma('wal_checkpoint(PASSIVE)');
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
