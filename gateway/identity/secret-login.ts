import { timingSafeEqual } from 'node:crypto';
import type { Account } from './account-store.ts';
import { isOver, type LiveRights } from './live-rights.ts';
import { LoginFailure } from './login-failure.ts';
import { hashSecret, publicId, secretKind } from './secret-format.ts';
import type { Credential } from './types.ts';

/** Of nothing that anybody knows, for secrets whose id is unknown. */
const noHash = hashSecret('');

/**
 * Logins with a personal token or a robot's secret in place of a password. They have 240 random bits, so a fast hash
 * will do; it is found by the public id and compared in constant time.
 */
export class SecretLogin {
  readonly #rights: LiveRights;

  constructor(rights: LiveRights) {
    this.#rights = rights;
  }

  /** @throws LoginFailure */
  verify(name: string, secret: string): { account: Account; credential: Credential } {
    const kind = secretKind(secret);
    if (kind !== 'personal-token' && kind !== 'robot-secret') throw new LoginFailure(name, 'token');
    const id = publicId(secret);
    const stored =
      kind === 'personal-token' ? this.#rights.personalToken(id) : this.#rights.robotBySecret(id);
    const given = Buffer.from(hashSecret(secret));
    const matches = timingSafeEqual(given, Buffer.from(stored?.secretHash ?? noHash));
    const account = stored && this.#rights.accountById(stored.accountId);
    if (!matches || account?.name !== name) throw new LoginFailure(name, 'token');
    if (isOver(stored!)) throw new LoginFailure(name, 'expired');
    if (!account.enabled) throw new LoginFailure(name, 'disabled');
    return { account, credential: { kind, id } };
  }
}
