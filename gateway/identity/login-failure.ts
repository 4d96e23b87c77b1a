import { OciError } from '../../oci/errors.ts';
import { isLoginName } from './rules.ts';

/** `token`: a personal token or a robot's secret that is not of this account, or is revoked; `expired`: it was. */
export type LoginFailureReason = 'unknown' | 'password' | 'disabled' | 'token' | 'expired' | 'refresh-token';

const messages: Partial<Record<LoginFailureReason, string>> = {
  'refresh-token': 'login failed: the refresh token is not valid, or not any more; log in again',
};

/** A login that failed. The client learns nothing of the reason; the audit line does. */
export class LoginFailure extends OciError {
  /** As it was typed, unless it cannot be a name: then it may well be a password, typed into the wrong field. */
  readonly account: string;
  readonly reason: LoginFailureReason;

  constructor(account: string, reason: LoginFailureReason) {
    super('UNAUTHORIZED', {
      message:
        messages[reason] ??
        'login failed: the user name or the password is wrong, or the account is disabled',
    });
    this.name = 'LoginFailure';
    this.account = isLoginName(account) ? account : '[no user name]';
    this.reason = reason;
  }
}
