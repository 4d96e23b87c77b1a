import { OciError } from '../../oci/errors.ts';
import type { Config } from '../../runtime/config-schema.ts';
import { addressKey } from './address-key.ts';
import { type Count, openCounter } from './counters.ts';

/** Who may do how much. Each method throws OciError TOOMANYREQUESTS with `Retry-After` when it is too much. */
export interface Limits {
  /** Every request, before anything is known about it. */
  admitRequest(address: string): Promise<void>;
  admitAccount(account: string): Promise<void>;
  /** Before a password is looked at, and again before the result is told: see `login.ts`. */
  admitLogin(address: string, account: string): Promise<void>;
  countFailedLogin(address: string, account: string): Promise<void>;
}

/** Clients that wait for `Retry-After` would hang for longer windows; they may ask again sooner, and be told again. */
const maxRetryAfterSeconds = 60;

export function openLimits(config: Config): Limits {
  const addressRequests = openCounter(config['limits.address_requests']);
  const accountRequests = openCounter(config['limits.account_requests']);
  const accountFailures = openCounter(config['limits.failed_logins']);
  const addressFailures = openCounter(config['limits.address_failed_logins']);
  return {
    async admitRequest(address) {
      const count = await addressRequests.add(addressKey(address));
      if (count.isOver) throw tooMany('requests from this address', count);
    },
    async admitAccount(account) {
      const count = await accountRequests.add(account);
      if (count.isOver) throw tooMany('requests of this account', count);
    },
    async admitLogin(address, account) {
      const ofAccount = await accountFailures.look(accountKey(address, account));
      if (ofAccount.isSpent) throw tooMany('failed logins of this account', ofAccount);
      const ofAddress = await addressFailures.look(addressKey(address));
      if (ofAddress.isSpent) throw tooMany('failed logins from this address', ofAddress);
    },
    async countFailedLogin(address, account) {
      await accountFailures.add(accountKey(address, account));
      await addressFailures.add(addressKey(address));
    },
  };
}

/** One key for all spellings; cut, since anybody may invent names of any length. */
function accountKey(address: string, account: string): string {
  return `${addressKey(address)} ${account.toLowerCase().slice(0, 64)}`;
}

function tooMany(what: string, { resetMs }: Count): OciError {
  const seconds = Math.max(1, Math.ceil(resetMs / 1000));
  const retryAfter = Math.min(seconds, maxRetryAfterSeconds);
  return new OciError('TOOMANYREQUESTS', {
    message: `too many ${what}; try again in ${seconds} seconds`,
    detail: { retryAfterSeconds: seconds },
    headers: { 'Retry-After': `${retryAfter}` },
  });
}
