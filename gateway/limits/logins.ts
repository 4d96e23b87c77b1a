import { setTimeout as delay } from 'node:timers/promises';
import type { Rate } from '../../runtime/budgets.ts';
import type { Channel, Hub } from '../workers/channel.ts';
import { addressKey } from './address-key.ts';
import type { Count } from './counters.ts';
import type { LoginLock, LoginOutlook } from './login-lock.ts';
import type { MemoryCounters } from './memory-counters.ts';
import { tooMany } from './refuse.ts';
import { budgetKey } from './rules.ts';

/** A login that may be tried. */
export interface LoginAdmission {
  /** Waits where many addresses guess at the account; before a password is compared, whatever comes out. */
  slow(): Promise<void>;
  /** Counts the result, in one step with a look whether it may be told: see `login.ts`. */
  settle(good: boolean): Promise<void>;
}

const services = { look: 'limits.login-look', settle: 'limits.login-settle' } as const;

/** Whose login it is: the keys of the pair, of its account, and of the address's failed logins. */
interface LoginKeys {
  pair: string;
  account: string;
  failures: string;
}

interface Outlook extends LoginOutlook {
  failures: Count;
}

interface Settled {
  failures: Count;
  /** 0: the result may be told. */
  lockedMs: number;
}

/** In the primary: one lock and one count for all workers. */
export function serveLogins(hub: Hub, lock: LoginLock, counters: MemoryCounters, perAddress: Rate): void {
  const look = ({ pair, account, failures }: LoginKeys): Outlook => ({
    ...lock.look(pair, account),
    failures: counters.look(failures, perAddress),
  });
  const settle = ([{ pair, account, failures }, good]: [LoginKeys, boolean]): Settled => {
    const count = counters.look(failures, perAddress);
    if (!count.admitted) return { failures: count, lockedMs: 0 };
    const lockedMs = lock.settle(pair, account, good);
    if (lockedMs === 0 && !good) counters.take(failures, perAddress);
    return { failures: count, lockedMs };
  };
  hub.serve(services.look, look);
  hub.serve(services.settle, settle);
}

/** @returns what `Limits.admitLogin` does: failed logins are limited in any `limits.mode`. */
export function openLoginLimits(channel: Channel) {
  return async (address: string, name: string): Promise<LoginAdmission> => {
    const from = addressKey(address);
    const account = accountKey(name);
    const failures = budgetKey('failed_logins', 0, 'address', from);
    const keys: LoginKeys = { pair: `${from} ${account}`, account, failures };
    const { delayMs, ...outlook } = await channel.call<Outlook>(services.look, keys);
    demandRoom(outlook);
    return {
      async slow() {
        if (delayMs > 0) await delay(delayMs);
      },
      async settle(good) {
        demandRoom(await channel.call<Settled>(services.settle, [keys, good]));
      },
    };
  };
}

/** @throws OciError TOOMANYREQUESTS */
function demandRoom({ failures, lockedMs }: Settled): void {
  if (lockedMs > 0) throw tooMany('failed logins of this account', lockedMs);
  if (!failures.admitted) throw tooMany('failed logins from this address', failures.resetMs);
}

/** One key for all spellings; cut, since anybody may invent names of any length. */
function accountKey(account: string): string {
  return account.toLowerCase().slice(0, 64);
}
