import { hash, randomBytes } from 'node:crypto';
import { RecentMap } from '../../runtime/recent-map.ts';
import type { Account } from './account-store.ts';
import { isSame, type LiveRights } from './live-rights.ts';
import { LoginFailure } from './login-failure.ts';
import type { LoginWork } from './login-work.ts';
import type { PasswordPool } from './password-pool.ts';
import { isPossiblePassword, isUserName } from './rules.ts';
import type { StrongerHash } from './stronger-hash.ts';

/** Milliseconds that a verified login is remembered without being used. */
const maxIdleMs = 10 * 60_000;
const maxRemembered = 10_000;

/**
 * Checks names and passwords. A verified login is remembered by a keyed hash over account, credential version and
 * password, so that a change of any of them finds nothing; clients such as curl send Basic with every request.
 */
export class BasicLogin {
  readonly #rights: LiveRights;
  readonly #passwords: PasswordPool;
  readonly #work: LoginWork;
  readonly #stronger: StrongerHash;
  /**
   * Of this process alone: the keys of the cache are worth nothing outside of it. A prefix of fixed length does here what
   * HMAC is for elsewhere, since nobody ever sees a key.
   */
  readonly #secret = randomBytes(32).toString('hex');
  /** When each was last used, on the monotonic clock. */
  readonly #verified = new RecentMap<number>(maxRemembered);
  readonly #underWay = new Map<string, Promise<boolean>>();

  constructor(rights: LiveRights, passwords: PasswordPool, work: LoginWork, stronger: StrongerHash) {
    this.#rights = rights;
    this.#passwords = passwords;
    this.#work = work;
    this.#stronger = stronger;
  }

  /** @throws LoginFailure; OciError UNAVAILABLE when too many logins wait. */
  async verify(name: string, password: string, beforeComparing?: () => Promise<void>): Promise<Account> {
    const account = isUserName(name) ? this.#rights.accountByName(name) : undefined;
    const key = this.#key(name, password, account);
    if (account?.enabled && this.#isRemembered(key)) return account;
    await beforeComparing?.();
    // An impossible password is refused for every name alike, so its haste tells nothing.
    const matches = isPossiblePassword(password) && (await this.#compareOnce(key, name, password, account));
    // Comparing takes a while, in which the account may have changed.
    const current = isUserName(name) ? this.#rights.accountByName(name) : undefined;
    if (!account || !current) throw new LoginFailure(name, 'unknown');
    // Of the first logins of a user of the htpasswd file, at once, the quickest has given the account its row.
    const compared = { ...account, id: account.id || current.id };
    if (!matches || !isSame(compared, current)) throw new LoginFailure(name, 'password');
    if (!current.enabled) throw new LoginFailure(name, 'disabled');
    const adopted = current.id === 0 ? this.#rights.adopt(name) : current;
    if (!adopted) throw new LoginFailure(name, 'unknown');
    this.#verified.set(this.#key(name, password, adopted), performance.now());
    this.#stronger.replace(adopted, password);
    return adopted;
  }

  #isRemembered(key: string): boolean {
    const usedAt = this.#verified.get(key);
    if (usedAt === undefined) return false;
    const now = performance.now();
    if (now - usedAt > maxIdleMs) {
      this.#verified.delete(key);
      return false;
    }
    this.#verified.set(key, now);
    return true;
  }

  /** Identical logins at the same time share one comparison. */
  #compareOnce(key: string, name: string, password: string, account: Account | undefined): Promise<boolean> {
    const known = this.#underWay.get(key);
    if (known) return known;
    const { hash, padToCost } = this.#work.of(name, account?.passwordHash);
    const comparison = this.#passwords
      .compare(password, hash, { padToCost, isRefused: !account?.enabled })
      .finally(() => this.#underWay.delete(key));
    this.#underWay.set(key, comparison);
    return comparison;
  }

  #key(name: string, password: string, account: Account | undefined): string {
    const { id, credentialVersion } = account ?? { id: 0, credentialVersion: 0 };
    return hash('sha256', this.#secret + JSON.stringify([id, credentialVersion, name, password]), 'base64');
  }
}
