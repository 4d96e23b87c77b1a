import { RateLimiterMemory, type RateLimiterRes } from 'rate-limiter-flexible';
import type { Rate } from '../../runtime/config-schema.ts';

/** Counts events per key in fixed windows. In memory here; a shared store has the same shape. */
export interface Counter {
  /** Counts one. */
  add(key: string): Promise<Count>;
  /** Counts nothing. */
  look(key: string): Promise<Count>;
}

export interface Count {
  /** More than the rate allows, the one just counted included. */
  isOver: boolean;
  /** Nothing is left: one more would be over. */
  isSpent: boolean;
  /** Until the window ends. */
  resetMs: number;
}

/** Node's timers, which end the windows, reach no further. */
const maxWindowSeconds = 2_147_483;

export function openCounter({ points, windowMs }: Rate): Counter {
  const duration = Math.min(windowMs / 1000, maxWindowSeconds);
  const limiter = new RateLimiterMemory({ points, duration, keyPrefix: '' });
  const count = (result: RateLimiterRes | null): Count => ({
    isOver: (result?.consumedPoints ?? 0) > points,
    isSpent: (result?.consumedPoints ?? 0) >= points,
    resetMs: Math.max(0, result?.msBeforeNext ?? 0),
  });
  return {
    add: async (key) => count(await limiter.penalty(key)),
    look: async (key) => count(await limiter.get(key)),
  };
}
