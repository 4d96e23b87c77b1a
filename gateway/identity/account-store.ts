import { AdminError } from './admin-error.ts';
import { sqlNow as now, type UsersDatabase } from './users-database.ts';

export interface Account {
  id: number;
  name: string;
  kind: 'user' | 'robot';
  admin: boolean;
  enabled: boolean;
  passwordHash: string;
  credentialVersion: number;
  /** Milliseconds since 1970. */
  createdAt: number;
  /** Milliseconds since 1970. */
  updatedAt: number;
}

const columns = `id, name, kind, admin, enabled, coalesce(password_hash, '') AS passwordHash,
  credential_version AS credentialVersion, created_at AS createdAt, updated_at AS updatedAt`;

type AccountRow = Omit<Account, 'admin' | 'enabled'> & { admin: number; enabled: number };

/** Accounts of those who log in, in users.db: users, and robots as far as both are alike. Each method is one whole transaction. */
export class AccountStore {
  readonly #database: UsersDatabase;
  readonly #byName;
  readonly #byId;

  constructor(database: UsersDatabase) {
    this.#database = database;
    const select = `SELECT ${columns} FROM accounts WHERE kind IN ('user', 'robot')`;
    this.#byName = database.connection.prepare<[string], AccountRow>(`${select} AND name = ?`);
    this.#byId = database.connection.prepare<[number], AccountRow>(`${select} AND id = ?`);
  }

  byName(name: string): Account | undefined {
    return toAccount(this.#byName.get(name));
  }

  byId(id: number): Account | undefined {
    return toAccount(this.#byId.get(id));
  }

  /** Users only. */
  list(): Account[] {
    const rows = this.#database.connection
      .prepare<[], AccountRow>(`SELECT ${columns} FROM accounts WHERE kind = 'user' ORDER BY name`)
      .all();
    return rows.map((row) => toAccount(row)!);
  }

  isEmpty(): boolean {
    return (
      this.#database.connection.prepare(`SELECT 1 FROM accounts WHERE kind = 'user' LIMIT 1`).get() ===
      undefined
    );
  }

  /** @throws AdminError USER_EXISTS */
  add(name: string, passwordHash: string, admin: boolean): void {
    const insert = this.#insertion();
    this.#database.write(() => {
      if (insert.run(name, passwordHash, Number(admin)).changes === 1) return;
      throw nameTaken(this.#database, name);
    });
  }

  /** @returns false when there is an account already. */
  addFirst(name: string, passwordHash: string): boolean {
    const insert = this.#insertion();
    return this.#database.write(() => this.isEmpty() && insert.run(name, passwordHash, 1).changes === 1);
  }

  /** What was issued for the old password is void. @throws AdminError USER_UNKNOWN */
  setPassword(name: string, passwordHash: string): void {
    const update = this.#database.connection.prepare(
      `UPDATE accounts SET password_hash = ?, credential_version = credential_version + 1, updated_at = ${now}
       WHERE id = ?`,
    );
    this.#database.write(() => update.run(passwordHash, this.#existing(name).id));
  }

  /** What was issued before an account is disabled stays void when it is enabled again. @throws AdminError */
  setEnabled(name: string, enabled: boolean): void {
    const update = this.#database.connection.prepare(
      `UPDATE accounts SET enabled = @enabled, credential_version = credential_version + 1 - @enabled,
         updated_at = ${now}
       WHERE id = @id AND enabled <> @enabled`,
    );
    this.#database.write(() => {
      const account = this.#existing(name);
      if (!enabled) this.#keepAnAdmin(account, 'disabled');
      update.run({ enabled: Number(enabled), id: account.id });
    });
  }

  /** The account with its grants, memberships and tokens. @throws AdminError USER_UNKNOWN, LAST_ADMIN */
  remove(name: string): void {
    const { connection } = this.#database;
    const grants = connection.prepare(`DELETE FROM grants WHERE subject_kind = 'user' AND subject = ?`);
    const memberships = connection.prepare('DELETE FROM team_members WHERE member = ?');
    const account = connection.prepare('DELETE FROM accounts WHERE id = ?');
    this.#database.write(() => {
      const found = this.#existing(name);
      this.#keepAnAdmin(found, 'removed');
      grants.run(name);
      memberships.run(name);
      account.run(found.id);
    });
  }

  #insertion() {
    return this.#database.connection.prepare<[string, string, number]>(
      `INSERT INTO accounts (name, kind, password_hash, admin, created_at, updated_at)
       VALUES (?, 'user', ?, ?, ${now}, ${now}) ON CONFLICT (name) DO NOTHING`,
    );
  }

  #existing(name: string): Account {
    const account = this.byName(name);
    if (account?.kind !== 'user') throw unknownUser(name);
    return account;
  }

  #keepAnAdmin(account: Account, fate: string): void {
    if (!account.admin || !account.enabled) return;
    const other = this.#database.connection
      .prepare('SELECT 1 FROM accounts WHERE admin = 1 AND enabled = 1 AND id <> ? LIMIT 1')
      .get(account.id);
    if (other !== undefined) return;
    throw new AdminError(
      'LAST_ADMIN',
      `"${account.name}" is the last enabled administrator and cannot be ${fate}; add another one first`,
    );
  }
}

export function unknownUser(name: string): AdminError {
  return unknownAccount('user', name);
}

export function unknownAccount(kind: string, name: string): AdminError {
  const code = `${kind.toUpperCase()}_UNKNOWN` as 'USER_UNKNOWN' | 'TEAM_UNKNOWN' | 'ROBOT_UNKNOWN';
  return new AdminError(code, `there is no ${kind} ${JSON.stringify(name)}; see the list of ${kind}s`);
}

/** Users and teams share one set of names: both may own repositories by their name. */
export function nameTaken({ connection }: UsersDatabase, name: string): AdminError {
  const kind = connection.prepare('SELECT kind FROM accounts WHERE name = ?').pluck().get(name) as string;
  const code = `${kind.toUpperCase()}_EXISTS` as 'USER_EXISTS' | 'TEAM_EXISTS' | 'ROBOT_EXISTS';
  return new AdminError(code, `there is a ${kind} "${name}" already; choose another name`);
}

function toAccount(row: AccountRow | undefined): Account | undefined {
  return row && { ...row, admin: row.admin === 1, enabled: row.enabled === 1 };
}
