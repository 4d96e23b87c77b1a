import { createPrivateKey } from 'node:crypto';
import { issueKeyAuthority, issueKeyCertificate, type KeyAuthority } from '../../certs/index.ts';
import type { StoredKey } from './jwt.ts';
import type { UsersDatabase } from './users-database.ts';

export interface KeyRow extends StoredKey {
  state: 'signing' | 'verifying';
  /** Base64 of the DER. */
  certificate: string | null;
  /** Of the tokens that were signed with it. */
  longestLifeMs: number;
  /** Milliseconds since 1970. */
  createdAt: number;
  /** Milliseconds since 1970. */
  retiredAt: number | null;
}

export interface Rotation {
  dropOld(row: KeyRow): boolean;
  authority: KeyAuthority | undefined;
}

const now = `CAST(unixepoch('subsec') * 1000 AS INTEGER)`;

/** Signing keys, and the authority that certifies them, in users.db. */
export class KeyStore {
  readonly #database: UsersDatabase;

  constructor(database: UsersDatabase) {
    this.#database = database;
  }

  /** The newest first. */
  list(): KeyRow[] {
    return this.#database.connection
      .prepare<[], KeyRow>(
        `SELECT kid, jwk, state, certificate, longest_life_ms AS longestLifeMs, created_at AS createdAt,
           retired_at AS retiredAt
         FROM signing_keys ORDER BY state, created_at DESC, kid`,
      )
      .all();
  }

  /** Of several processes that start at once the first one's key is everybody's. */
  addFirst({ kid, jwk }: StoredKey): void {
    const insert = this.#database.connection.prepare(
      `INSERT INTO signing_keys (kid, jwk, state, created_at)
       SELECT ?, ?, 'signing', ${now} WHERE NOT EXISTS (SELECT 1 FROM signing_keys)`,
    );
    this.#database.write(() => insert.run(kid, jwk));
  }

  noteLifetime(kid: string, lifetimeMs: number): void {
    const update = this.#database.connection.prepare(
      'UPDATE signing_keys SET longest_life_ms = max(longest_life_ms, ?) WHERE kid = ?',
    );
    this.#database.write(() => update.run(lifetimeMs, kid));
  }

  /**
   * Signs with another key from now on. Of the one before only the public part stays, for its tokens.
   * @param key with its certificate, where there is an authority.
   * @param change `dropOld`: which of the keys before are not accepted any more; `authority`: another one.
   */
  rotate(key: StoredKey & Pick<KeyRow, 'certificate'>, { dropOld, authority }: Rotation): void {
    const { connection } = this.#database;
    const retire = connection.prepare(
      `UPDATE signing_keys SET state = 'verifying', jwk = json_remove(jwk, '$.d'), retired_at = ${now}
       WHERE state = 'signing'`,
    );
    const drop = connection.prepare('DELETE FROM signing_keys WHERE kid = ?');
    const insert = connection.prepare(
      `INSERT INTO signing_keys (kid, jwk, state, certificate, created_at) VALUES (?, ?, 'signing', ?, ${now})`,
    );
    const replace = connection.prepare(
      `UPDATE token_authority SET certificate = ?, private_key = ?, created_at = ${now}`,
    );
    this.#database.write(() => {
      retire.run();
      for (const row of this.list()) if (dropOld(row)) drop.run(row.kid);
      insert.run(key.kid, key.jwk, key.certificate);
      if (authority) replace.run(authority.certificatePem, authority.keyPem);
    });
    // The private part of the old one goes from the file, too, as soon as nobody reads an older state.
    connection.pragma('wal_checkpoint(TRUNCATE)');
  }

  /** The `iss` of tokens. */
  issuer(): string {
    return this.#database.connection.prepare('SELECT service FROM installation').pluck().get() as string;
  }

  newAuthority(): Promise<KeyAuthority> {
    return issueKeyAuthority(`tokens of ${this.issuer()}`);
  }

  authority(): KeyAuthority | undefined {
    return this.#database.connection
      .prepare<[], KeyAuthority>(
        'SELECT certificate AS certificatePem, private_key AS keyPem FROM token_authority',
      )
      .get();
  }

  /** Makes the authority, and a certificate of it for the key that signs, where they are missing. */
  async certify(): Promise<KeyAuthority> {
    const { connection } = this.#database;
    if (!this.authority()) {
      const { certificatePem, keyPem } = await this.newAuthority();
      const insert = connection.prepare(
        `INSERT INTO token_authority (id, certificate, private_key, created_at) VALUES (1, ?, ?, ${now})
         ON CONFLICT DO NOTHING`,
      );
      this.#database.write(() => insert.run(certificatePem, keyPem));
    }
    const authority = this.authority()!;
    const signing = this.list().find(({ state, certificate }) => state === 'signing' && certificate === null);
    if (signing) {
      const x5c = await certificateOf(signing, authority);
      const update = connection.prepare(
        'UPDATE signing_keys SET certificate = ? WHERE kid = ? AND certificate IS NULL',
      );
      this.#database.write(() => update.run(x5c, signing.kid));
    }
    return authority;
  }
}

/** Base64 of the DER. */
export async function certificateOf({ kid, jwk }: StoredKey, authority: KeyAuthority): Promise<string> {
  return issueKeyCertificate(createPrivateKey({ key: JSON.parse(jwk), format: 'jwk' }), kid, authority);
}
