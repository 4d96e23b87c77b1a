import { OciError } from '../../oci/errors.ts';

export type LoginFailureReason = 'unknown' | 'password' | 'disabled';

/** A login with a name and password that failed. The client learns nothing of the reason; the audit line does. */
export class LoginFailure extends OciError {
  /** As it was typed, without control characters, at most 64 characters. */
  readonly account: string;
  readonly reason: LoginFailureReason;

  constructor(account: string, reason: LoginFailureReason) {
    super('UNAUTHORIZED', {
      message: 'login failed: the user name or the password is wrong, or the account is disabled',
    });
    this.name = 'LoginFailure';
    this.account = account.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '').slice(0, 64);
    this.reason = reason;
  }
}
