import type { Rate } from '../../runtime/budgets.ts';
import { RecentMap } from '../../runtime/recent-map.ts';
import type { Count, KeptCounters } from './counters.ts';
import { HeldCounts } from './held-counts.ts';

export interface CounterWindow {
  used: number;
  points: number;
  windowMs: number;
  /** On the clock of the store. */
  endsAt: number;
}

export interface MemoryCountersOptions {
  /** Milliseconds on a monotonic clock. */
  now?: () => number;
  /** Keys of each kind; more push out what was used longest ago. */
  maxKeys?: number;
}

/** What a stream may get ahead of its rate. */
const burstMs = 250;

/**
 * Counters in the memory of one process. Each method is done when it returns, so of many callers at once each sees
 * what the ones before it did. A window begins with its first count and ends as a whole. Anybody can make up keys (an
 * IPv6 provider hands out 2^16 networks), so there is room for so many and no more.
 */
export class MemoryCounters implements KeptCounters {
  readonly held = new HeldCounts();
  readonly #now: () => number;
  readonly #windows: RecentMap<CounterWindow>;
  /** When what was booked will have gone. */
  readonly #booked: RecentMap<number>;
  readonly #grants: RecentMap<{ left: number; endsAt: number }>;

  constructor({ now = () => performance.now(), maxKeys = 100_000 }: MemoryCountersOptions = {}) {
    this.#now = now;
    this.#windows = new RecentMap(maxKeys);
    this.#booked = new RecentMap(maxKeys);
    this.#grants = new RecentMap(maxKeys);
  }

  take(key: string, rate: Rate): Count {
    const now = this.#now();
    const window = this.#window(key, rate, now);
    const admitted = window.used < rate.points;
    if (admitted) window.used++;
    this.#windows.set(key, window);
    return { admitted, used: window.used, resetMs: window.endsAt - now };
  }

  look(key: string, rate: Rate): Count {
    const now = this.#now();
    const { used, endsAt } = this.#window(key, rate, now);
    return { admitted: used < rate.points, used, resetMs: used === 0 ? 0 : endsAt - now };
  }

  giveBack(key: string): void {
    const window = this.#windows.peek(key);
    if (window && window.used > 0 && window.endsAt > this.#now()) window.used--;
  }

  /** As a queue that empties at the rate: virtual scheduling (ITU-T I.371, generic cell rate algorithm). */
  book(key: string, bytes: number, bytesPerSecond: number): number {
    const now = this.#now();
    const goneAt = Math.max(now, this.#booked.peek(key) ?? 0) + (bytes * 1000) / bytesPerSecond;
    this.#booked.set(key, goneAt);
    return Math.max(0, goneAt - now - burstMs);
  }

  grant(key: string, lifeMs: number): void {
    const now = this.#now();
    const known = this.#grants.peek(key);
    const left = known && known.endsAt > now ? known.left : 0;
    this.#grants.set(key, { left: left + 1, endsAt: now + lifeMs });
  }

  redeem(key: string): boolean {
    const grant = this.#grants.peek(key);
    if (!grant || grant.left === 0 || grant.endsAt <= this.#now()) return false;
    grant.left--;
    return true;
  }

  /** The windows that have not ended, with what is left of them. */
  *windows(): Generator<[key: string, window: CounterWindow, resetMs: number]> {
    const now = this.#now();
    for (const [key, window] of this.#windows.entries()) {
      if (window.endsAt > now && window.used > 0) yield [key, window, window.endsAt - now];
    }
  }

  /** Takes over what a predecessor counted. */
  restore(key: string, window: Omit<CounterWindow, 'endsAt'>, resetMs: number): void {
    this.#windows.set(key, { ...window, endsAt: this.#now() + Math.min(resetMs, window.windowMs) });
  }

  /** @returns how many windows were forgotten. */
  forget(matches: (key: string) => boolean): number {
    return this.#windows.deleteAll(matches);
  }

  #window(key: string, { points, windowMs }: Rate, now: number): CounterWindow {
    const known = this.#windows.peek(key);
    if (!known || known.endsAt <= now) return { used: 0, points, windowMs, endsAt: now + windowMs };
    // The rate may have changed since.
    known.points = points;
    return known;
  }
}
