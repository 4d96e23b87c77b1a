import type { Rate } from '../../runtime/budgets.ts';

/**
 * What is counted, by key. One keeps it for all workers: the primary's memory here (`memory-counters.ts`), which every
 * worker asks (`shared-counters.ts`). A driver for several hosts (Redis, say) has the same shape: each method is one
 * atomic step over one key, needs no other clock than the store's, and may fail.
 */
export interface Counters {
  /** Counts one, if it is within the rate; of many at once exactly so many are admitted. */
  take(key: string, rate: Rate): Promise<Count>;
  /** Counts nothing. */
  look(key: string, rate: Rate): Promise<Count>;
  /** Takes back what `take` admitted and nothing came of. */
  giveBack(key: string): void;
  /** @returns undefined when as many are held already. One worker's holds end with it. */
  hold(key: string, most: number): Promise<Hold | undefined>;
  /** Books so many bytes. @returns milliseconds after which they may go; what was booked earlier goes earlier. */
  book(key: string, bytes: number, bytesPerSecond: number): Promise<number>;
  /** One `redeem` of this key will be good. */
  grant(key: string, lifeMs: number): Promise<void>;
  redeem(key: string): Promise<boolean>;
}

/** Where they are kept: each method is done when it returns. Who holds how many is kept apart (`held-counts.ts`). */
export type KeptCounters = {
  [Name in Exclude<keyof Counters, 'hold'>]: (
    ...parameters: Parameters<Counters[Name]>
  ) => Awaited<ReturnType<Counters[Name]>>;
};

export interface Count {
  /** `take`: it is within the rate. `look`: one more would be. */
  admitted: boolean;
  /** In this window, this one included. */
  used: number;
  /** Until the window ends. */
  resetMs: number;
}

export interface Hold {
  release(): void;
}
