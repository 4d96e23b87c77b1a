import { AdminError } from './admin-error.ts';
import { withLine } from './htpasswd-account.ts';
import { type HtpasswdSource, noHtpasswd } from './htpasswd-file.ts';
import { sqlNow as now, type UsersDatabase } from './users-database.ts';

export interface Account {
  /** 0: so far only a line of the htpasswd file; `adopt` gives it a row. */
  id: number;
  name: string;
  kind: 'user' | 'robot';
  admin: boolean;
  enabled: boolean;
  /** Where the password stands; `gone`: in the htpasswd file, which has no such line any more. */
  source: 'own' | 'htpasswd' | 'gone';
  /** '' without one. */
  passwordHash: string;
  /** Of a user of the htpasswd file it comes from the hash, so a changed line voids what was issued before. */
  credentialVersion: number;
  /** Milliseconds since 1970. */
  createdAt: number;
  /** Milliseconds since 1970. */
  updatedAt: number;
}

const columns = `id, name, kind, admin, enabled, source, coalesce(password_hash, '') AS passwordHash,
  credential_version AS credentialVersion, created_at AS createdAt, updated_at AS updatedAt`;

type AccountRow = Omit<Account, 'admin' | 'enabled'> & { admin: number; enabled: number };

/**
 * Accounts of those who log in: users, and robots as far as both are alike, in users.db, and the users of the htpasswd
 * file. Of a name that is in both the own password counts, and the row says whether the user is enabled. Each method
 * is one whole transaction.
 */
export class AccountStore {
  readonly #database: UsersDatabase;
  readonly #htpasswd: HtpasswdSource;
  readonly #byName;
  readonly #byId;

  constructor(database: UsersDatabase, htpasswd: HtpasswdSource = noHtpasswd) {
    this.#database = database;
    this.#htpasswd = htpasswd;
    const select = `SELECT ${columns} FROM accounts WHERE kind IN ('user', 'robot')`;
    this.#byName = database.connection.prepare<[string], AccountRow>(`${select} AND name = ?`);
    this.#byId = database.connection.prepare<[number], AccountRow>(`${select} AND id = ?`);
  }

  byName(name: string): Account | undefined {
    return this.#counting(this.#byName.get(name), name);
  }

  byId(id: number): Account | undefined {
    const row = this.#byId.get(id);
    return row && this.#counting(row, row.name);
  }

  /** Users only; also those that are gone, since grants and tokens may be left of them. */
  list(): Account[] {
    const rows = this.#database.connection
      .prepare<[], AccountRow>(`SELECT ${columns} FROM accounts WHERE kind = 'user'`)
      .all();
    const names = new Set(rows.map(({ name }) => name));
    const lines = [...this.#htpasswd.names()].filter((name) => !names.has(name));
    return [
      ...rows.map((row) => withLine(toAccount(row), row.name, this.#htpasswd)!),
      ...lines.map((name) => withLine(undefined, name, this.#htpasswd)!),
    ].sort((one, other) => (one.name < other.name ? -1 : 1));
  }

  /** Whether there is no user of our own; those of the htpasswd file are none. */
  isEmpty(): boolean {
    const select = `SELECT 1 FROM accounts WHERE kind = 'user' AND source = 'own' LIMIT 1`;
    return this.#database.connection.prepare(select).get() === undefined;
  }

  /**
   * Gives a user of the htpasswd file a row, for an id that tokens and grants can name.
   * @returns the account; undefined where there is none, or only a line with the name of a team.
   */
  adopt(name: string): Account | undefined {
    const known = this.byName(name);
    if (known?.id !== 0) return known;
    const insert = this.#database.connection.prepare(
      `INSERT INTO accounts (name, kind, source, created_at, updated_at) VALUES (?, 'user', 'htpasswd', ${now}, ${now})
       ON CONFLICT (name) DO NOTHING`,
    );
    this.#database.write(() => insert.run(name));
    const adopted = this.byName(name);
    return adopted?.id === 0 ? undefined : adopted;
  }

  /** @throws AdminError USER_EXISTS */
  add(name: string, passwordHash: string, admin: boolean): void {
    const insert = this.#insertion();
    this.#database.write(() => {
      if (this.#htpasswd.hashOf(name) !== undefined) throw inFile('USER_EXISTS', name, this.#htpasswd);
      if (insert.run(name, passwordHash, Number(admin)).changes === 1) return;
      throw nameTaken(this.#database, name);
    });
  }

  /** @returns false when there is an account already. */
  addFirst(name: string, passwordHash: string): boolean {
    const insert = this.#insertion();
    return this.#database.write(() => this.isEmpty() && insert.run(name, passwordHash, 1).changes === 1);
  }

  /** What was issued for the old password is void. @throws AdminError USER_UNKNOWN, PASSWORD_ELSEWHERE */
  setPassword(name: string, passwordHash: string): void {
    const update = this.#database.connection.prepare(
      `UPDATE accounts SET password_hash = ?, credential_version = credential_version + 1, updated_at = ${now}
       WHERE id = ?`,
    );
    this.#database.write(() => update.run(passwordHash, this.withOwnPassword(name).id));
  }

  /** @throws AdminError USER_UNKNOWN; PASSWORD_ELSEWHERE where the password stands in the htpasswd file. */
  withOwnPassword(name: string): Account {
    const account = this.#existing(name);
    if (account.source === 'own') return account;
    throw inFile('PASSWORD_ELSEWHERE', name, this.#htpasswd);
  }

  /** What was issued before an account is disabled stays void when it is enabled again. @throws AdminError */
  setEnabled(name: string, enabled: boolean): void {
    const update = this.#database.connection.prepare(
      `UPDATE accounts SET enabled = @enabled, credential_version = credential_version + 1 - @enabled,
         updated_at = ${now}
       WHERE id = @id AND enabled <> @enabled`,
    );
    this.adopt(name);
    this.#database.write(() => {
      const account = this.#existing(name);
      if (!enabled) this.#keepAnAdmin(account, 'disabled');
      update.run({ enabled: Number(enabled), id: account.id });
    });
  }

  /** The account with its grants, memberships and tokens. @throws AdminError USER_UNKNOWN, LAST_ADMIN, USER_IN_HTPASSWD */
  remove(name: string): void {
    const { connection } = this.#database;
    const grants = connection.prepare(`DELETE FROM grants WHERE subject_kind = 'user' AND subject = ?`);
    const memberships = connection.prepare('DELETE FROM team_members WHERE member = ?');
    const account = connection.prepare('DELETE FROM accounts WHERE id = ?');
    this.#database.write(() => {
      // Without its row the line would count, also that of a user who is disabled.
      if (this.#htpasswd.hashOf(name) !== undefined) throw inFile('USER_IN_HTPASSWD', name, this.#htpasswd);
      const found = toAccount(this.#byName.get(name));
      if (found?.kind !== 'user') throw unknownUser(name);
      this.#keepAnAdmin(found, 'removed');
      grants.run(name);
      memberships.run(name);
      account.run(found.id);
    });
  }

  /** The account as it counts now. */
  #counting(row: AccountRow | undefined, name: string): Account | undefined {
    const account = withLine(toAccount(row), name, this.#htpasswd);
    return account?.source === 'gone' ? undefined : account;
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

/** What cannot be done, since the user stands in the htpasswd file. */
function inFile(
  code: 'USER_EXISTS' | 'PASSWORD_ELSEWHERE' | 'USER_IN_HTPASSWD',
  name: string,
  { path }: HtpasswdSource,
): AdminError {
  const takeOver = `take its users over with: gatehouse import htpasswd ${path}`;
  const messages = {
    USER_EXISTS: `"${name}" stands in ${path} and can log in; choose another name, or ${takeOver}`,
    PASSWORD_ELSEWHERE: `the password of "${name}" stands in ${path}; change it there (htpasswd -B -C 12 ${path} ${name}), or ${takeOver}`,
    USER_IN_HTPASSWD: `"${name}" stands in ${path}; remove that line first, or disable the user`,
  };
  return new AdminError(code, messages[code]);
}

function toAccount<Row extends AccountRow | undefined>(row: Row): Account | Extract<Row, undefined>;
function toAccount(row: AccountRow | undefined): Account | undefined {
  return row && { ...row, admin: row.admin === 1, enabled: row.enabled === 1 };
}
