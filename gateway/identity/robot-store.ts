import { formatRights, type RepositoryRight } from '../../runtime/repository-rights.ts';
import { nameTaken, unknownAccount } from './account-store.ts';
import { readLimit } from './personal-token-store.ts';
import { sqlNow as now, type UsersDatabase } from './users-database.ts';

/** An account for a machine. */
export interface Robot {
  accountId: number;
  /** Its login name, `robot+ci`. */
  name: string;
  /** Who is responsible for it; says nothing about its rights. */
  owner: string;
  description: string;
  enabled: boolean;
  /** The public part of its secret. */
  secretId: string;
  secretHash: string;
  /** What it is limited to, whatever is granted to it; undefined: nothing. */
  limit: RepositoryRight[] | undefined;
  /** Milliseconds since 1970. */
  createdAt: number;
  /** Milliseconds since 1970; null: never. */
  expiresAt: number | null;
}

export type NewRobot = Omit<Robot, 'accountId' | 'enabled' | 'createdAt'>;

type Row = Omit<Robot, 'limit' | 'enabled'> & { rights: string | null; enabled: number };

const select = `SELECT r.account_id AS accountId, a.name, r.owner, r.description, a.enabled, r.secret_id AS secretId,
  r.secret_hash AS secretHash, r.rights, a.created_at AS createdAt, r.expires_at AS expiresAt
  FROM robots r JOIN accounts a ON a.id = r.account_id`;

/** Robots in users.db. Each method is one whole transaction. */
export class RobotStore {
  readonly #database: UsersDatabase;
  readonly #byAccount;
  readonly #bySecret;

  constructor(database: UsersDatabase) {
    this.#database = database;
    this.#byAccount = database.connection.prepare<[number], Row>(`${select} WHERE r.account_id = ?`);
    this.#bySecret = database.connection.prepare<[string], Row>(`${select} WHERE r.secret_id = ?`);
  }

  byAccount(id: number): Robot | undefined {
    return toRobot(this.#byAccount.get(id));
  }

  bySecret(id: string): Robot | undefined {
    return toRobot(this.#bySecret.get(id));
  }

  list(): Robot[] {
    const rows = this.#database.connection.prepare<[], Row>(`${select} ORDER BY a.name`).all();
    return rows.map((row) => toRobot(row)!);
  }

  /** @throws AdminError ROBOT_UNKNOWN */
  existing(name: string): Robot {
    const robot = toRobot(
      this.#database.connection.prepare<[string], Row>(`${select} WHERE a.name = ?`).get(name),
    );
    if (!robot) throw unknownAccount('robot', name);
    return robot;
  }

  /** With what it is limited to granted. @throws AdminError ROBOT_EXISTS */
  add({ name, owner, description, secretId, secretHash, limit, expiresAt }: NewRobot): void {
    const { connection } = this.#database;
    const account = connection.prepare(
      `INSERT INTO accounts (name, kind, created_at, updated_at) VALUES (?, 'robot', ${now}, ${now})
       ON CONFLICT (name) DO NOTHING`,
    );
    const robot = connection.prepare('INSERT INTO robots VALUES (?, ?, ?, ?, ?, ?, ?)');
    const grant = connection.prepare(`INSERT INTO grants VALUES ('robot', ?, ?, ?, ${now})`);
    this.#database.write(() => {
      const { changes, lastInsertRowid: id } = account.run(name);
      if (changes !== 1) throw nameTaken(this.#database, name);
      const rights = limit ? formatRights(limit) : null;
      robot.run(id, owner, description, secretId, secretHash, rights, expiresAt);
      for (const { pattern, actions } of limit ?? []) grant.run(name, pattern, actions.join(','));
    });
  }

  /** What was issued for the old secret is void. @throws AdminError ROBOT_UNKNOWN */
  setSecret(name: string, secretId: string, secretHash: string, expiresAt: number | null): void {
    const { connection } = this.#database;
    const secret = connection.prepare(
      'UPDATE robots SET secret_id = ?, secret_hash = ?, expires_at = ? WHERE account_id = ?',
    );
    const version = connection.prepare(
      `UPDATE accounts SET credential_version = credential_version + 1, updated_at = ${now} WHERE id = ?`,
    );
    this.#database.write(() => {
      const { accountId } = this.existing(name);
      secret.run(secretId, secretHash, expiresAt, accountId);
      version.run(accountId);
    });
  }

  /** What was issued before it is disabled stays void. @throws AdminError ROBOT_UNKNOWN */
  setEnabled(name: string, enabled: boolean): void {
    const update = this.#database.connection.prepare(
      `UPDATE accounts SET enabled = @enabled, credential_version = credential_version + 1 - @enabled,
         updated_at = ${now}
       WHERE id = @id AND enabled <> @enabled`,
    );
    this.#database.write(() => update.run({ enabled: Number(enabled), id: this.existing(name).accountId }));
  }

  /** The robot and its grants. @throws AdminError ROBOT_UNKNOWN */
  remove(name: string): void {
    const { connection } = this.#database;
    const grants = connection.prepare(`DELETE FROM grants WHERE subject_kind = 'robot' AND subject = ?`);
    const account = connection.prepare('DELETE FROM accounts WHERE id = ?');
    this.#database.write(() => {
      const { accountId } = this.existing(name);
      grants.run(name);
      account.run(accountId);
    });
  }
}

function toRobot(row: Row | undefined): Robot | undefined {
  if (!row) return undefined;
  const { rights, enabled, ...robot } = row;
  return { ...robot, enabled: enabled === 1, limit: readLimit(rights) };
}
