import type { Log } from '../../runtime/log.ts';
import type { Account } from './account-store.ts';
import { bcryptCost } from './bcrypt-hash.ts';
import type { PasswordPool } from './password-pool.ts';
import type { PasswordStore } from './password-store.ts';

/**
 * Hashes a password again where it was hashed at less than the configured cost. Only a login knows the password, so it
 * is done then, but nobody waits for it. One at a time: those who wait to log in come first.
 */
export class StrongerHash {
  readonly #store: PasswordStore;
  readonly #passwords: PasswordPool;
  readonly #cost: number;
  readonly #log: Log;
  #underWay: Promise<void> | undefined;

  constructor(store: PasswordStore, passwords: PasswordPool, cost: number, log: Log) {
    this.#store = store;
    this.#passwords = passwords;
    this.#cost = cost;
    this.#log = log;
  }

  /** @param password that was just found to be the account's. */
  replace({ id, name, source, passwordHash }: Account, password: string): void {
    const cost = bcryptCost(passwordHash);
    if (this.#underWay || source !== 'own' || cost === undefined || cost >= this.#cost) return;
    this.#underWay = this.#passwords
      .hash(password, this.#cost)
      .then((hash) => {
        // Not where the password was changed meanwhile.
        if (!this.#store.rehash(id, passwordHash, hash)) return;
        this.#log.info('password hashed again', { account: name, fromCost: cost, toCost: this.#cost });
      })
      // Too many logins wait, or the process ends: the next login does it.
      .catch((error: unknown) => this.#log.debug('password not hashed again', { account: name, error }))
      .finally(() => {
        this.#underWay = undefined;
      });
  }

  /** What is under way is done. */
  async settled(): Promise<void> {
    await this.#underWay;
  }
}
