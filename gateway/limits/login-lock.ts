import type { Rate } from '../../runtime/config-schema.ts';

/** Locks do not grow beyond this, in milliseconds, unless the first one is longer already. */
const maxLockMs = 3_600_000;
/** Milliseconds that each failure beyond the free ones adds to a login of that account, and their most. */
const delayStepMs = 25;
const maxDelayMs = 3000;
const maxKept = 100_000;

export interface LoginLockOptions {
  /** Failures of a pair until it is locked; the window is the first lock, each further one is twice as long. */
  pair: Rate;
  /** Failures of an account, from all addresses together, until its logins are slowed. */
  account: Rate;
  /** Milliseconds on a monotonic clock. */
  now?: () => number;
}

export interface LoginOutlook {
  /** Milliseconds that the pair is locked yet; 0: it is not. */
  lockedMs: number;
  /** Milliseconds that a password should wait before it is compared. */
  delayMs: number;
}

interface PairState {
  failures: number;
  /** How many locks there were; every failure after the first of them is a lock. */
  locks: number;
  /** End of the lock, or of the window in which failures are counted. */
  until: number;
}

interface AccountState {
  failures: number;
  until: number;
}

/**
 * What failed logins lead to. The *pair* of account and address is locked, each time for twice as long, until a
 * login succeeds or an hour goes by without a lock. An account alone is only slowed: anybody could lock it.
 * Names that do not exist are treated alike. Synchronous, so that a result and its count are one step.
 */
export class LoginLock {
  readonly #options: LoginLockOptions;
  readonly #now: () => number;
  readonly #pairs = new Map<string, PairState>();
  readonly #accounts = new Map<string, AccountState>();

  constructor(options: LoginLockOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
  }

  look(pair: string, account: string): LoginOutlook {
    return { lockedMs: this.#lockedMs(pair), delayMs: this.#delayMs(account) };
  }

  /**
   * The result of a login. Of many guesses sent at once none may be told its result after the pair was locked.
   * @returns 0: tell it. Else it is void, and the pair is locked for so many milliseconds.
   */
  settle(pair: string, account: string, good: boolean): number {
    const lockedMs = this.#lockedMs(pair);
    if (lockedMs > 0) return lockedMs;
    if (good) this.#pairs.delete(pair);
    else {
      this.#countPair(pair);
      this.#countAccount(account);
    }
    return 0;
  }

  /** Of those that are locked now. */
  locks(): { pair: string; lockedMs: number }[] {
    return [...this.#pairs.keys()]
      .map((pair) => ({ pair, lockedMs: this.#lockedMs(pair) }))
      .filter(({ lockedMs }) => lockedMs > 0);
  }

  /** By an operator. @returns how many pairs were locked, or on their way to it. */
  forget(matches: (pair: string) => boolean): number {
    const pairs = [...this.#pairs.keys()].filter(matches);
    for (const pair of pairs) {
      this.#pairs.delete(pair);
      this.#accounts.delete(pair.slice(pair.indexOf(' ') + 1));
    }
    return pairs.length;
  }

  #lockedMs(pair: string): number {
    const state = this.#pairs.get(pair);
    return state && state.locks > 0 ? Math.max(0, state.until - this.#now()) : 0;
  }

  #delayMs(account: string): number {
    const state = this.#accounts.get(account);
    if (!state || state.until <= this.#now()) return 0;
    return Math.min(maxDelayMs, Math.max(0, state.failures - this.#options.account.points) * delayStepMs);
  }

  #countPair(pair: string): void {
    const { points, windowMs } = this.#options.pair;
    const now = this.#now();
    const longest = Math.max(windowMs, maxLockMs);
    const found = this.#pairs.get(pair);
    const isOver = found && now >= found.until + (found.locks > 0 ? longest : 0);
    const state = found && !isOver ? found : { failures: 0, locks: 0, until: now + windowMs };
    state.failures += 1;
    if (state.locks > 0 || state.failures >= points) {
      state.until = now + Math.min(windowMs * 2 ** state.locks, longest);
      state.locks += 1;
    }
    keep(this.#pairs, pair, state);
  }

  #countAccount(account: string): void {
    const now = this.#now();
    const found = this.#accounts.get(account);
    const state =
      found && now < found.until ? found : { failures: 0, until: now + this.#options.account.windowMs };
    state.failures += 1;
    keep(this.#accounts, account, state);
  }
}

/** Anybody may invent names, so what was touched longest ago goes when there are too many. */
function keep<State>(states: Map<string, State>, key: string, state: State): void {
  states.delete(key);
  states.set(key, state);
  if (states.size > maxKept) states.delete(states.keys().next().value!);
}
