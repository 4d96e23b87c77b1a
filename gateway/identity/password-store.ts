import type { HtpasswdSource } from './htpasswd-file.ts';
import type { UsersDatabase } from './users-database.ts';

/** What logins need of users.db beside accounts. Each method is one whole transaction. */
export class PasswordStore {
  readonly #database: UsersDatabase;
  readonly #htpasswd: HtpasswdSource;

  constructor(database: UsersDatabase, htpasswd: HtpasswdSource) {
    this.#database = database;
    this.#htpasswd = htpasswd;
  }

  /** 32 random bytes, the same in every process and after every start. */
  loginSecret(): Buffer {
    return this.#database.connection.prepare('SELECT login_secret FROM installation').pluck().get() as Buffer;
  }

  /** How many passwords there are of each bcrypt cost, the htpasswd file's too. */
  costs(): Map<number, number> {
    const rows = this.#database.connection
      .prepare<[], { cost: string; count: number }>(
        `SELECT substr(password_hash, 5, 2) AS cost, count(*) AS count FROM accounts
         WHERE kind = 'user' AND password_hash IS NOT NULL GROUP BY 1`,
      )
      .all();
    const costs = new Map(rows.map(({ cost, count }) => [Number(cost), count]));
    for (const name of this.#htpasswd.names()) {
      const cost = Number(this.#htpasswd.hashOf(name)!.slice(4, 6));
      costs.set(cost, (costs.get(cost) ?? 0) + 1);
    }
    return costs;
  }

  /** Another value after each change of what `costs` reads. */
  version(): string {
    return `${this.#database.version()} ${this.#htpasswd.version()}`;
  }

  /**
   * Another hash of the same password: what was issued before stands.
   * @returns false when the password is no longer the one that was hashed.
   */
  rehash(id: number, oldHash: string, newHash: string): boolean {
    const update = this.#database.connection.prepare(
      'UPDATE accounts SET password_hash = ? WHERE id = ? AND password_hash = ?',
    );
    return this.#database.write(() => update.run(newHash, id, oldHash).changes === 1);
  }
}
