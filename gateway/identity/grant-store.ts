import { unknownAccount } from './account-store.ts';
import { AdminError } from './admin-error.ts';
import type { Grant } from './decide.ts';
import { formatSubject, readSubject, type Subject } from './subjects.ts';
import { type Action, actions as allActions } from './types.ts';
import { sqlNow as now, type UsersDatabase } from './users-database.ts';

interface GrantRow {
  kind: Subject['kind'];
  subject: string;
  pattern: string;
  actions: string;
}

const columns = 'subject_kind AS kind, subject, pattern, actions';

/** Grants in users.db. Each method is one whole transaction. */
export class GrantStore {
  readonly #database: UsersDatabase;
  readonly #ofSubject;
  readonly #one;

  constructor(database: UsersDatabase) {
    this.#database = database;
    const select = `SELECT ${columns} FROM grants WHERE subject_kind = ? AND subject = ?`;
    this.#ofSubject = database.connection.prepare<[string, string], GrantRow>(`${select} ORDER BY pattern`);
    this.#one = database.connection.prepare<[string, string, string], GrantRow>(`${select} AND pattern = ?`);
  }

  /** @param subject as `readSubject` reads it; so everywhere here. */
  ofSubject(subject: string): Grant[] {
    return this.#ofSubject.all(...key(subject)).map(toGrant);
  }

  list(): Grant[] {
    return this.#database.connection
      .prepare<[], GrantRow>(`SELECT ${columns} FROM grants ORDER BY subject_kind, subject, pattern`)
      .all()
      .map(toGrant);
  }

  /** Adds to what the subject has on that very pattern. @throws AdminError USER_UNKNOWN, TEAM_UNKNOWN, ROBOT_UNKNOWN */
  add(subject: string, pattern: string, added: readonly Action[]): Grant {
    return this.#database.write(() => {
      this.checkSubject(subject);
      const granted = this.#granted(subject, pattern);
      const actions = allActions.filter((action) => granted.includes(action) || added.includes(action));
      return this.#put({ subject, pattern, actions });
    });
  }

  /**
   * @param taken what to take away; undefined: all.
   * @returns what is left, undefined when nothing is. @throws AdminError USER_UNKNOWN, GRANT_UNKNOWN
   */
  remove(subject: string, pattern: string, taken: readonly Action[] = allActions): Grant | undefined {
    const drop = this.#database.connection.prepare(
      'DELETE FROM grants WHERE subject_kind = ? AND subject = ? AND pattern = ?',
    );
    return this.#database.write(() => {
      this.checkSubject(subject);
      const granted = this.#granted(subject, pattern);
      const actions = granted.filter((action) => !taken.includes(action));
      if (actions.length === granted.length) throw unknownGrant(subject, pattern, taken);
      if (actions.length > 0) return this.#put({ subject, pattern, actions });
      drop.run(...key(subject), pattern);
      return undefined;
    });
  }

  #granted(subject: string, pattern: string): Action[] {
    const row = this.#one.get(...key(subject), pattern);
    return row ? toGrant(row).actions : [];
  }

  #put(grant: Grant): Grant {
    this.#database.connection
      .prepare(
        `INSERT INTO grants (subject_kind, subject, pattern, actions, created_at) VALUES (?, ?, ?, ?, ${now})
         ON CONFLICT DO UPDATE SET actions = excluded.actions`,
      )
      .run(...key(grant.subject), grant.pattern, grant.actions.join(','));
    return grant;
  }

  /** @throws AdminError USER_UNKNOWN, TEAM_UNKNOWN, ROBOT_UNKNOWN */
  checkSubject(subject: string): void {
    const { kind, name } = readSubject(subject);
    if (name === '') return;
    const known = this.#database.connection
      .prepare('SELECT 1 FROM accounts WHERE kind = ? AND name = ?')
      .get(kind, name);
    if (known === undefined) throw unknownAccount(kind, name);
  }
}

function unknownGrant(subject: string, pattern: string, actions: readonly Action[]): AdminError {
  return new AdminError(
    'GRANT_UNKNOWN',
    `"${subject}" has no grant of ${actions.join(', ')} on the pattern "${pattern}"; ` +
      'a grant is revoked by the pattern that it was made with',
  );
}

function key(text: string): [kind: string, name: string] {
  const { kind, name } = readSubject(text);
  return [kind, name];
}

function toGrant({ kind, subject: name, pattern, actions }: GrantRow): Grant {
  return { subject: formatSubject({ kind, name }), pattern, actions: actions.split(',') as Action[] };
}
