import { Transform } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { Counters } from './counters.ts';
import type { Budget } from './rules.ts';

const leastPortion = 4 * 1024;
const mostPortion = 256 * 1024;

/**
 * Slows a body to its share of a rate. Streams of one key book portions of it one at a time and wait for their turn, so
 * each gets as much as the others, whichever worker it runs in.
 */
export class Pace {
  /** Bytes that may be sent in one piece. */
  readonly portion: number;
  readonly #counters: Counters;
  readonly #budget: Budget<'bandwidth'>;
  #paid = 0;

  constructor(counters: Counters, budget: Budget<'bandwidth'>) {
    this.#counters = counters;
    this.#budget = budget;
    this.portion = Math.min(mostPortion, Math.max(leastPortion, Math.floor(budget.limit / 8)));
  }

  /** Resolves when so many bytes may go. */
  async spend(bytes: number): Promise<void> {
    while (this.#paid < bytes) {
      const waitMs = await this.#counters.book(this.#budget.key, this.portion, this.#budget.limit);
      if (waitMs > 0) await delay(waitMs);
      this.#paid += this.portion;
    }
    this.#paid -= bytes;
  }

  /** To pipe a body through. */
  stream(): Transform {
    return new Transform({
      transform: (chunk: Buffer, _encoding, done) => {
        this.spend(chunk.length).then(
          () => done(null, chunk),
          (error: Error) => done(error),
        );
      },
    });
  }
}
