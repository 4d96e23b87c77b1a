import type { Config } from '../../runtime/config-schema.ts';
import { addressKey } from './address-key.ts';
import type { LoginLock } from './login-lock.ts';
import type { MemoryCounters } from './memory-counters.ts';

/** Whom it is about; nobody: everybody. */
export interface LimitsQuestion {
  account?: string;
  address?: string;
}

/** A budget that somebody has used of. The names are an interface for scripts. */
export interface LimitUse {
  budget: string;
  /** Which rule of `limits.overrides`, from 1; 0: the setting. */
  rule: number;
  kind: 'account' | 'address';
  who: string;
  used: number;
  limit: number;
  /** null: what is held at once. */
  window_seconds: number | null;
  resets_in_seconds: number | null;
}

export interface LimitsReport {
  mode: Config['limits.mode'];
  /** Nearest to the limit first; at most 100. */
  uses: LimitUse[];
  /** How many there are, the ones that are not listed too. */
  total: number;
  /** Pairs of account and address that are locked after failed logins. */
  locked_logins: { account: string; address: string; locked_for_seconds: number }[];
}

const maxListed = 100;

export function reportLimits(
  mode: Config['limits.mode'],
  counters: MemoryCounters,
  lock: LoginLock,
  question: LimitsQuestion,
): LimitsReport {
  const isAsked = keyMatcher(question);
  const uses: LimitUse[] = [];
  for (const [key, { used, points, windowMs }, resetMs] of counters.windows()) {
    if (!isAsked(key)) continue;
    const window = { window_seconds: windowMs / 1000, resets_in_seconds: Math.ceil(resetMs / 1000) };
    uses.push({ ...parts(key), used, limit: points, ...window });
  }
  for (const [key, { held, most }] of counters.held.entries()) {
    if (!isAsked(key)) continue;
    uses.push({ ...parts(key), used: held, limit: most, window_seconds: null, resets_in_seconds: null });
  }
  uses.sort((one, other) => other.used / other.limit - one.used / one.limit);
  const isAskedPair = pairMatcher(question);
  const locks = lock.locks().filter(({ pair }) => isAskedPair(pair));
  return {
    mode,
    uses: uses.slice(0, maxListed),
    total: uses.length,
    locked_logins: locks.slice(0, maxListed).map(({ pair, lockedMs }) => {
      const [address = '', account = ''] = splitPair(pair);
      return { account, address, locked_for_seconds: Math.ceil(lockedMs / 1000) };
    }),
  };
}

/** Forgets what was counted, failed logins too. What is held at once is held. @returns how much was forgotten. */
export function resetLimits(counters: MemoryCounters, lock: LoginLock, question: LimitsQuestion) {
  return { budgets: counters.forget(keyMatcher(question)), locks: lock.forget(pairMatcher(question)) };
}

function parts(key: string): Pick<LimitUse, 'budget' | 'rule' | 'kind' | 'who'> {
  const [budget = '', rule = '', kind = '', who = ''] = key.split(' ');
  return { budget, rule: Number(rule), kind: kind as LimitUse['kind'], who };
}

function keyMatcher({ account, address }: LimitsQuestion): (key: string) => boolean {
  if (account === undefined && address === undefined) return () => true;
  const network = address === undefined ? undefined : addressKey(address);
  return (key) => {
    const { kind, who } = parts(key);
    return kind === 'account' ? who === account : who === network;
  };
}

function pairMatcher({ account, address }: LimitsQuestion): (pair: string) => boolean {
  const network = address === undefined ? undefined : addressKey(address);
  return (pair) => {
    const [from, name] = splitPair(pair);
    return (account === undefined || name === account) && (network === undefined || from === network);
  };
}

/** The name may have spaces in it: it is what somebody typed. */
function splitPair(pair: string): [address: string, account: string] {
  const at = pair.indexOf(' ');
  return [pair.slice(0, at), pair.slice(at + 1)];
}
