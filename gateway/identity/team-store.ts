import { nameTaken, unknownAccount } from './account-store.ts';
import { AdminError } from './admin-error.ts';
import { sqlNow as now, type UsersDatabase } from './users-database.ts';

export interface Team {
  name: string;
  /** User names, in order. */
  members: string[];
  /** Milliseconds since 1970. */
  createdAt: number;
}

/** Teams in users.db. Each method is one whole transaction. */
export class TeamStore {
  readonly #database: UsersDatabase;
  readonly #teamsOf;

  constructor(database: UsersDatabase) {
    this.#database = database;
    this.#teamsOf = database.connection
      .prepare<[string], string>(
        `SELECT t.name FROM team_members m JOIN accounts t ON t.id = m.team_id WHERE m.member = ? ORDER BY t.name`,
      )
      .pluck();
  }

  /** Names of the teams that a user is a member of. */
  teamsOf(member: string): string[] {
    return this.#teamsOf.all(member);
  }

  list(): Team[] {
    const { connection } = this.#database;
    const members = connection
      .prepare<[number], string>('SELECT member FROM team_members WHERE team_id = ? ORDER BY member')
      .pluck();
    return connection
      .prepare<[], { id: number; name: string; createdAt: number }>(
        `SELECT id, name, created_at AS createdAt FROM accounts WHERE kind = 'team' ORDER BY name`,
      )
      .all()
      .map(({ id, name, createdAt }) => ({ name, members: members.all(id), createdAt }));
  }

  /** @throws AdminError USER_EXISTS, TEAM_EXISTS */
  create(name: string): void {
    const insert = this.#database.connection.prepare(
      `INSERT INTO accounts (name, kind, created_at, updated_at) VALUES (?, 'team', ${now}, ${now})
       ON CONFLICT (name) DO NOTHING`,
    );
    this.#database.write(() => {
      if (insert.run(name).changes !== 1) throw nameTaken(this.#database, name);
    });
  }

  /** @returns false when he was a member already. @throws AdminError TEAM_UNKNOWN, USER_UNKNOWN */
  addMember(name: string, member: string): boolean {
    const { connection } = this.#database;
    const user = connection.prepare(`SELECT 1 FROM accounts WHERE kind = 'user' AND name = ?`);
    const insert = connection.prepare(
      `INSERT INTO team_members (team_id, member, added_at) VALUES (?, ?, ${now}) ON CONFLICT DO NOTHING`,
    );
    return this.#database.write(() => {
      const team = this.#existing(name);
      if (user.get(member) === undefined) throw unknownAccount('user', member);
      return insert.run(team, member).changes === 1;
    });
  }

  /** @throws AdminError TEAM_UNKNOWN, MEMBER_UNKNOWN */
  removeMember(name: string, member: string): void {
    const remove = this.#database.connection.prepare(
      'DELETE FROM team_members WHERE team_id = ? AND member = ?',
    );
    this.#database.write(() => {
      if (remove.run(this.#existing(name), member).changes === 1) return;
      throw new AdminError('MEMBER_UNKNOWN', `${JSON.stringify(member)} is no member of the team "${name}"`);
    });
  }

  /** The team with its grants; its members stay. @throws AdminError TEAM_UNKNOWN */
  delete(name: string): void {
    const { connection } = this.#database;
    const grants = connection.prepare(`DELETE FROM grants WHERE subject_kind = 'team' AND subject = ?`);
    const account = connection.prepare('DELETE FROM accounts WHERE id = ?');
    this.#database.write(() => {
      const id = this.#existing(name);
      grants.run(name);
      account.run(id);
    });
  }

  #existing(name: string): number {
    const id = this.#database.connection
      .prepare<[string], number>(`SELECT id FROM accounts WHERE kind = 'team' AND name = ?`)
      .pluck()
      .get(name);
    if (id === undefined) throw unknownAccount('team', name);
    return id;
  }
}
