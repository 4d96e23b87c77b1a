import { createKey, importKey, type SigningKey, type StoredKey } from './jwt.ts';
import type { UsersDatabase } from './users-database.ts';

/** The keys of this moment: one signs, all verify. */
export interface KeyRing {
  signing: SigningKey;
  byKid: ReadonlyMap<string, SigningKey>;
}

/** Signing keys in users.db, read again when it changes, so that a rotation needs no restart. */
export class SigningKeys {
  readonly #database: UsersDatabase;
  #version = '';
  #ring: Promise<KeyRing> | undefined;

  private constructor(database: UsersDatabase) {
    this.#database = database;
  }

  /** Makes the first key when there is none. */
  static async open(database: UsersDatabase): Promise<SigningKeys> {
    const keys = new SigningKeys(database);
    if (keys.#rows().length === 0) keys.#addFirst(await createKey());
    await keys.current();
    return keys;
  }

  current(): Promise<KeyRing> {
    const version = this.#database.version();
    if (this.#ring && version === this.#version) return this.#ring;
    this.#version = version;
    this.#ring = this.#load();
    this.#ring.catch(() => {
      this.#ring = undefined;
    });
    return this.#ring;
  }

  /** Of several processes that start at once the first one's key is everybody's. */
  #addFirst({ kid, privateJwk }: StoredKey): void {
    const insert = this.#database.connection.prepare(
      `INSERT INTO signing_keys (kid, jwk, state, created_at)
       SELECT ?, ?, 'signing', CAST(unixepoch('subsec') * 1000 AS INTEGER)
       WHERE NOT EXISTS (SELECT 1 FROM signing_keys)`,
    );
    this.#database.write(() => insert.run(kid, privateJwk));
  }

  async #load(): Promise<KeyRing> {
    const rows = this.#rows();
    const keys = await Promise.all(rows.map(importKey));
    const signing = keys[rows.findIndex(({ state }) => state === 'signing')];
    if (!signing) throw new Error('users.db has no signing key');
    return { signing, byKid: new Map(keys.map((key) => [key.kid, key])) };
  }

  #rows(): (StoredKey & { state: string })[] {
    return this.#database.connection
      .prepare<[], StoredKey & { state: string }>(
        'SELECT kid, jwk AS privateJwk, state FROM signing_keys ORDER BY created_at, kid',
      )
      .all();
  }
}
