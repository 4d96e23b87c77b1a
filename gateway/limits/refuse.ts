import { OciError } from '../../oci/errors.ts';
import type { BudgetName, Rate } from '../../runtime/budgets.ts';
import type { Config } from '../../runtime/config-schema.ts';
import { formatDuration } from '../../runtime/duration.ts';
import type { Log } from '../../runtime/log.ts';
import { RecentMap } from '../../runtime/recent-map.ts';
import type { LimitDecision } from '../metrics/metrics.ts';
import type { Count } from './counters.ts';
import { rateLimitFields, retryAfter, seconds } from './fields.ts';
import type { Budget } from './rules.ts';

export interface RefusalParts {
  mode: Config['limits.mode'];
  log: Log;
  /** Counts a decision. */
  decided(budget: string, decision: LimitDecision): void;
}

export interface Refusals {
  /** What has room goes on; what has none is refused, or only logged. @throws OciError TOOMANYREQUESTS */
  decide(budget: Budget<BudgetName>, admitted: boolean, refusal: () => OciError, quietMs: number): void;
}

const maxNoted = 1000;
/** Between two lines in the log about what is used up and has no window. */
export const quietMs = 60_000;

/** One line in the log for each budget that is used up, not one for each request. */
export function openRefusals({ mode, log, decided }: RefusalParts): Refusals {
  const notedUntil = new RecentMap<number>(maxNoted);
  return {
    decide(budget, admitted, refusal, quietMs) {
      if (admitted) return decided(budget.name, 'admitted');
      const isEnforced = mode === 'enforce';
      decided(budget.name, isEnforced ? 'refused' : 'logged');
      const now = performance.now();
      if ((notedUntil.peek(budget.key) ?? 0) <= now) {
        notedUntil.set(budget.key, now + quietMs);
        const { name, kind, who, limit } = budget;
        const text = isEnforced ? 'a limit is reached' : 'a limit would be reached; limits.mode is log-only';
        log.warn(text, { budget: name, [kind]: who, limit });
      }
      if (isEnforced) throw refusal();
    },
  };
}

/** @param what `pulls of this account`, as it follows "too many". */
export function tooMany(what: string, resetMs: number, headers: Record<string, string> = {}): OciError {
  return new OciError('TOOMANYREQUESTS', {
    message: `too many ${what}; try again in ${seconds(resetMs)} seconds`,
    detail: { retryAfterSeconds: seconds(resetMs) },
    headers: { ...headers, 'Retry-After': retryAfter(resetMs) },
  });
}

/** Of what is counted in windows. */
export function overRate(
  budget: Budget<'pulls' | 'requests' | 'tokens'>,
  count: Count,
  fields = rateLimitFields(budget, count),
): OciError {
  return tooMany(`${budget.name} ${ofWhom(budget)}: ${rateText(budget.limit)}`, count.resetMs, fields);
}

/** Of what is counted while it lasts; when one ends nobody knows. */
export function overHeld(budget: Budget<'uploads'>): OciError {
  const { name, limit } = budget;
  return new OciError('TOOMANYREQUESTS', {
    message: `too many ${name} at once ${ofWhom(budget)}: ${limit} are allowed; try again in ${heldRetrySeconds} seconds`,
    detail: { retryAfterSeconds: heldRetrySeconds },
    headers: { 'Retry-After': `${heldRetrySeconds}` },
  });
}

const heldRetrySeconds = 5;

function ofWhom({ kind }: Budget<BudgetName>): string {
  return kind === 'account' ? 'of this account' : 'from this address';
}

function rateText({ points, windowMs }: Rate): string {
  return `${points} in ${formatDuration(windowMs)} are allowed`;
}
