import { setTimeout as delay } from 'node:timers/promises';
import type { Config } from '../../runtime/config-schema.ts';
import type { Channel, Hub } from '../workers/channel.ts';
import { addressKey } from './address-key.ts';
import type { Counters } from './counters.ts';
import type { LoginLock, LoginOutlook } from './login-lock.ts';
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

/** In the primary: one lock for all workers. */
export function serveLoginLock(hub: Hub, lock: LoginLock): void {
  hub.serve(services.look, ([pair, account]: [string, string]) => lock.look(pair, account));
  hub.serve(services.settle, ([pair, account, good]: [string, string, boolean]) =>
    lock.settle(pair, account, good),
  );
}

/** @returns what `Limits.admitLogin` does: failed logins are limited in any `limits.mode`. */
export function openLoginLimits(config: Config, counters: Counters, channel: Channel) {
  const perAddress = config['limits.address_failed_logins'];
  const admitFailures = async (key: string) => {
    const count = await counters.look(key, perAddress);
    if (!count.admitted) throw tooMany('failed logins from this address', count.resetMs);
  };
  return async (address: string, account: string): Promise<LoginAdmission> => {
    const from = addressKey(address);
    const failures = budgetKey('failed_logins', 0, 'address', from);
    const name = accountKey(account);
    const pair = `${from} ${name}`;
    const { lockedMs, delayMs } = await channel.call<LoginOutlook>(services.look, [pair, name]);
    if (lockedMs > 0) throw locked(lockedMs);
    await admitFailures(failures);
    return {
      async slow() {
        if (delayMs > 0) await delay(delayMs);
      },
      async settle(good) {
        await admitFailures(failures);
        const lockedSince = await channel.call<number>(services.settle, [pair, name, good]);
        if (lockedSince > 0) throw locked(lockedSince);
        if (!good) await counters.take(failures, perAddress);
      },
    };
  };
}

/** One key for all spellings; cut, since anybody may invent names of any length. */
function accountKey(account: string): string {
  return account.toLowerCase().slice(0, 64);
}

function locked(remainingMs: number) {
  return tooMany('failed logins of this account', remainingMs);
}
