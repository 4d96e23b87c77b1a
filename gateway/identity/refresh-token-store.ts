import type { AccountReference } from './types.ts';
import type { UsersDatabase } from './users-database.ts';

export interface RefreshTokenRow {
  id: string;
  /** As it was at the login: what was issued for other credentials than the account has now is void. */
  account: AccountReference;
  /** Account's name. */
  user: string;
  service: string;
  /** What the client calls itself. */
  clientId: string;
  /** Where the login came from. */
  clientAddress: string;
  /** Milliseconds since 1970. */
  createdAt: number;
  /** Milliseconds since 1970. */
  renewedAt: number;
  /** Milliseconds since it was renewed, by the clock of the database. */
  ageMs: number;
}

export interface NewRefreshToken {
  id: string;
  tokenHash: string;
  account: AccountReference;
  service: string;
  clientId: string;
  clientAddress: string;
}

const now = `CAST(unixepoch('subsec') * 1000 AS INTEGER)`;
const select = `SELECT t.id, a.id AS accountId, t.credential_version AS credentialVersion, a.name AS user, t.service,
    t.client_id AS clientId, t.client_address AS clientAddress, t.created_at AS createdAt, t.renewed_at AS renewedAt,
    ${now} - t.renewed_at AS ageMs
  FROM refresh_tokens t JOIN accounts a ON a.id = t.account_id`;

type Row = Omit<RefreshTokenRow, 'account'> & { accountId: number; credentialVersion: number };

/** Refresh tokens in users.db, by hash. Each method is one whole transaction. */
export class RefreshTokenStore {
  readonly #database: UsersDatabase;
  readonly #byHash;
  readonly #byId;

  constructor(database: UsersDatabase) {
    this.#database = database;
    this.#byHash = database.connection.prepare<[string], Row>(`${select} WHERE t.token_hash = ?`);
    this.#byId = database.connection.prepare<[string], Row>(`${select} WHERE t.id = ?`);
  }

  byHash(tokenHash: string): RefreshTokenRow | undefined {
    return toRefreshToken(this.#byHash.get(tokenHash));
  }

  byId(id: string): RefreshTokenRow | undefined {
    return toRefreshToken(this.#byId.get(id));
  }

  /** @param user a name; undefined: everybody's. */
  list(user?: string): RefreshTokenRow[] {
    return this.#database.connection
      .prepare<[string | null, string | null], Row>(
        `${select} WHERE (? IS NULL OR a.name = ?) ORDER BY a.name, t.created_at, t.id`,
      )
      .all(user ?? null, user ?? null)
      .map((row) => toRefreshToken(row)!);
  }

  /**
   * Makes room too: what is over or void goes, and of the account's those renewed least recently, beyond `keep` with
   * the new one.
   */
  add(token: NewRefreshToken, { keep, lifetimeMs }: { keep: number; lifetimeMs: number }): void {
    const { connection } = this.#database;
    const { account } = token;
    const dropDead = connection.prepare(
      `DELETE FROM refresh_tokens WHERE renewed_at + ? < ${now}
         OR (account_id = ? AND credential_version <> ?)`,
    );
    const dropOldest = connection.prepare(
      `DELETE FROM refresh_tokens WHERE id IN (
         SELECT id FROM refresh_tokens WHERE account_id = ? ORDER BY renewed_at DESC, created_at DESC, id LIMIT -1 OFFSET ?)`,
    );
    const insert = connection.prepare(
      `INSERT INTO refresh_tokens
         (id, token_hash, account_id, credential_version, service, client_id, client_address, created_at, renewed_at)
       VALUES (@id, @tokenHash, @accountId, @credentialVersion, @service, @clientId, @clientAddress, ${now}, ${now})`,
    );
    const { account: _, ...values } = token;
    this.#database.write(() => {
      dropDead.run(lifetimeMs, account.id, account.credentialVersion);
      dropOldest.run(account.id, keep - 1);
      insert.run({ ...values, accountId: account.id, credentialVersion: account.credentialVersion });
    });
  }

  renew(id: string): void {
    const update = this.#database.connection.prepare(
      `UPDATE refresh_tokens SET renewed_at = ${now} WHERE id = ?`,
    );
    this.#database.write(() => update.run(id));
  }

  /** @returns false when there is none. */
  revoke(id: string): boolean {
    const drop = this.#database.connection.prepare('DELETE FROM refresh_tokens WHERE id = ?');
    return this.#database.write(() => drop.run(id).changes === 1);
  }

  /** @returns how many there were. */
  revokeOf(accountId: number): number {
    const drop = this.#database.connection.prepare('DELETE FROM refresh_tokens WHERE account_id = ?');
    return this.#database.write(() => drop.run(accountId).changes);
  }
}

function toRefreshToken(row: Row | undefined): RefreshTokenRow | undefined {
  if (!row) return undefined;
  const { accountId, credentialVersion, ...rest } = row;
  return { ...rest, account: { id: accountId, credentialVersion } };
}
