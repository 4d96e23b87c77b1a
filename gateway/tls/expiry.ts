import type { Log } from '../../runtime/log.ts';
import type { ServedPair } from './served-pair.ts';

const dayMs = 86_400_000;
const checkMs = 3_600_000;
const thresholdDays = [1, 7, 30];

/** Warns 30, 7 and 1 days before a certificate ends, each once, and once at the start of what lies behind. */
export class ExpiryWarnings {
  readonly #log: Log;
  readonly #now: () => number;
  /** By fingerprint, the least number of days that was warned of. */
  readonly #warned = new Map<string, number>();

  constructor(log: Log, now: () => number = Date.now) {
    this.#log = log;
    this.#now = now;
  }

  check(pairs: readonly ServedPair[]): void {
    for (const pair of pairs) {
      const { leaf, source } = pair;
      if (!leaf) continue;
      const endsAt = leaf.validToDate.getTime();
      const leftMs = endsAt - this.#now();
      // What renews itself is worth a word only when that is late.
      if (source !== 'files' && leftMs > 0.8 * (endsAt - pair.renewAt)) continue;
      const threshold = thresholdDays.find((days) => leftMs <= days * dayMs);
      const warned = this.#warned.get(leaf.fingerprint256);
      if (threshold === undefined || (warned !== undefined && warned <= threshold)) continue;
      this.#warned.set(leaf.fingerprint256, threshold);
      const { certificatePath, names, notAfter } = pair.state();
      const message = leftMs > 0 ? 'a certificate ends soon' : 'a certificate has ended';
      const daysLeft = Math.max(0, Math.floor(leftMs / dayMs));
      this.#log.warn(message, { certificate: certificatePath, names, notAfter, daysLeft });
    }
  }

  /** From now on, every hour. */
  watch(pairs: readonly ServedPair[]): { close(): void } {
    this.check(pairs);
    const timer = setInterval(() => this.check(pairs), checkMs).unref();
    return { close: () => clearInterval(timer) };
  }
}
