import { setTimeout as delay } from 'node:timers/promises';
import { OciError } from '../../oci/errors.ts';
import type { Config } from '../../runtime/config-schema.ts';
import { addressKey } from './address-key.ts';
import { openCounter } from './counters.ts';
import { LoginLock } from './login-lock.ts';

/** Who may do how much. Each method throws OciError TOOMANYREQUESTS with `Retry-After` when it is too much. */
export interface Limits {
  /** Every request, before anything is known about it. */
  admitRequest(address: string): Promise<void>;
  admitAccount(account: string): Promise<void>;
  /** Before a password is looked at. */
  admitLogin(address: string, account: string): Promise<LoginAdmission>;
}

/** A login that may be tried. */
export interface LoginAdmission {
  /** Waits where many addresses guess at the account; before a password is compared, whatever comes out. */
  slow(): Promise<void>;
  /** Counts the result, in one step with a look whether it may be told: see `login.ts`. */
  settle(good: boolean): Promise<void>;
}

/** Clients that wait for `Retry-After` would hang for longer windows; they may ask again sooner, and be told again. */
const maxRetryAfterSeconds = 60;

export function openLimits(config: Config): Limits {
  const addressRequests = openCounter(config['limits.address_requests']);
  const accountRequests = openCounter(config['limits.account_requests']);
  const addressFailures = openCounter(config['limits.address_failed_logins']);
  const lock = new LoginLock({
    pair: config['limits.failed_logins'],
    account: config['limits.account_failed_logins'],
  });
  const admitFailures = async (address: string) => {
    const ofAddress = await addressFailures.look(address);
    if (ofAddress.isSpent) throw tooMany('failed logins from this address', ofAddress.resetMs);
  };
  return {
    async admitRequest(address) {
      const count = await addressRequests.add(addressKey(address));
      if (count.isOver) throw tooMany('requests from this address', count.resetMs);
    },
    async admitAccount(account) {
      const count = await accountRequests.add(account);
      if (count.isOver) throw tooMany('requests of this account', count.resetMs);
    },
    async admitLogin(address, account) {
      const from = addressKey(address);
      const name = accountKey(account);
      const pair = `${from} ${name}`;
      const { lockedMs, delayMs } = lock.look(pair, name);
      if (lockedMs > 0) throw locked(lockedMs);
      await admitFailures(from);
      return {
        async slow() {
          if (delayMs > 0) await delay(delayMs);
        },
        async settle(good) {
          await admitFailures(from);
          const lockedSince = lock.settle(pair, name, good);
          if (lockedSince > 0) throw locked(lockedSince);
          if (!good) await addressFailures.add(from);
        },
      };
    },
  };
}

/** One key for all spellings; cut, since anybody may invent names of any length. */
function accountKey(account: string): string {
  return account.toLowerCase().slice(0, 64);
}

function locked(remainingMs: number): OciError {
  return tooMany('failed logins of this account', remainingMs);
}

function tooMany(what: string, resetMs: number): OciError {
  const seconds = Math.max(1, Math.ceil(resetMs / 1000));
  const retryAfter = Math.min(seconds, maxRetryAfterSeconds);
  return new OciError('TOOMANYREQUESTS', {
    message: `too many ${what}; try again in ${seconds} seconds`,
    detail: { retryAfterSeconds: seconds },
    headers: { 'Retry-After': `${retryAfter}` },
  });
}
