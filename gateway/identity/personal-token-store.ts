import { formatRights, parseRights, type RepositoryRight } from '../../runtime/repository-rights.ts';
import { AdminError } from './admin-error.ts';
import { sqlNow as now, type UsersDatabase } from './users-database.ts';

/** What a user logs in with in place of the password. */
export interface PersonalToken {
  /** The public part of the secret. */
  id: string;
  accountId: number;
  /** The account's. */
  user: string;
  name: string;
  secretHash: string;
  /** What it is limited to; undefined: nothing, it may do all that the account may. */
  limit: RepositoryRight[] | undefined;
  /** Milliseconds since 1970. */
  createdAt: number;
  /** Milliseconds since 1970; null: never. */
  expiresAt: number | null;
}

export type NewPersonalToken = Pick<PersonalToken, 'id' | 'name' | 'secretHash' | 'limit' | 'expiresAt'>;

type Row = Omit<PersonalToken, 'limit'> & { rights: string | null };

const select = `SELECT p.id, p.account_id AS accountId, a.name AS user, p.name, p.secret_hash AS secretHash, p.rights,
  p.created_at AS createdAt, p.expires_at AS expiresAt
  FROM personal_tokens p JOIN accounts a ON a.id = p.account_id`;

/** Personal access tokens in users.db. Each method is one whole transaction. */
export class PersonalTokenStore {
  readonly #database: UsersDatabase;
  readonly #byId;

  constructor(database: UsersDatabase) {
    this.#database = database;
    this.#byId = database.connection.prepare<[string], Row>(`${select} WHERE p.id = ?`);
  }

  byId(id: string): PersonalToken | undefined {
    return toToken(this.#byId.get(id));
  }

  /** @throws AdminError TOKEN_UNKNOWN */
  existing(id: string): PersonalToken {
    const token = this.byId(id);
    if (!token) throw unknownToken();
    return token;
  }

  /** @param user undefined: of all users. */
  list(user?: string): PersonalToken[] {
    return this.#database.connection
      .prepare<[string | null], Row>(`${select} WHERE a.name = coalesce(?, a.name) ORDER BY a.name, p.name`)
      .all(user ?? null)
      .map((row) => toToken(row)!);
  }

  /** @throws AdminError TOKEN_EXISTS */
  add(accountId: number, { id, name, secretHash, limit, expiresAt }: NewPersonalToken): void {
    const insert = this.#database.connection.prepare(
      `INSERT INTO personal_tokens (id, account_id, name, secret_hash, rights, created_at, expires_at)
       VALUES (?, ?, ?, ?, ?, ${now}, ?) ON CONFLICT (account_id, name) DO NOTHING`,
    );
    const rights = limit ? formatRights(limit) : null;
    this.#database.write(() => {
      if (insert.run(id, accountId, name, secretHash, rights, expiresAt).changes === 1) return;
      throw new AdminError(
        'TOKEN_EXISTS',
        `there is a token "${name}" of this user already; revoke it first, or choose another name`,
      );
    });
  }

  /** What was issued for it is void with it. @throws AdminError TOKEN_UNKNOWN */
  remove(id: string): void {
    const remove = this.#database.connection.prepare('DELETE FROM personal_tokens WHERE id = ?');
    this.#database.write(() => {
      if (remove.run(id).changes !== 1) throw unknownToken();
    });
  }
}

export function unknownToken(): AdminError {
  return new AdminError('TOKEN_UNKNOWN', 'there is no token with that id; see the list of tokens');
}

function toToken(row: Row | undefined): PersonalToken | undefined {
  if (!row) return undefined;
  const { rights, ...token } = row;
  return { ...token, limit: readLimit(rights) };
}

/** What cannot be read limits to nothing at all. */
export function readLimit(rights: string | null): RepositoryRight[] | undefined {
  return rights === null ? undefined : (parseRights(rights) ?? []);
}
