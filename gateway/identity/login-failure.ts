import { OciError } from '../../oci/errors.ts';
import { isUserName } from './rules.ts';

export type LoginFailureReason = 'unknown' | 'password' | 'disabled';

/** A login with a name and password that failed. The client learns nothing of the reason; the audit line does. */
export class LoginFailure extends OciError {
  /** As it was typed, unless it cannot be a name: then it may well be a password, typed into the wrong field. */
  readonly account: string;
  readonly reason: LoginFailureReason;

  constructor(account: string, reason: LoginFailureReason) {
    super('UNAUTHORIZED', {
      message: 'login failed: the user name or the password is wrong, or the account is disabled',
    });
    this.name = 'LoginFailure';
    this.account = isUserName(account) ? account : '[no user name]';
    this.reason = reason;
  }
}
