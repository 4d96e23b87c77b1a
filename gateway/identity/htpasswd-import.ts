import { bcryptCost } from './bcrypt-hash.ts';
import { type HtpasswdEntry, parseHtpasswd } from './htpasswd-parser.ts';
import { sqlNow as now, type UsersDatabase } from './users-database.ts';

export interface ImportOptions {
  /** Also gives users who are there already the password of their line. */
  replace?: boolean;
  /** Says what would be done. */
  dryRun?: boolean;
}

/** What became of a line. */
export interface ImportLine {
  /** From 1. */
  line: number;
  name?: string;
  /** `taken-over`: a user of the live htpasswd file becomes one of users.db. */
  outcome: 'added' | 'taken-over' | 'replaced' | 'unchanged' | 'skipped' | 'refused';
  /** Why, and what to do. */
  detail: string;
}

interface Row {
  id: number;
  kind: string;
  source: string;
  hash: string | null;
}

/**
 * Users of an htpasswd file become users of users.db, all in one transaction. Lines that cannot be used are refused,
 * the others are taken. Users who are there already are left alone, unless they are to be replaced.
 */
export function importHtpasswd(
  database: UsersDatabase,
  content: Uint8Array,
  { replace = false, dryRun = false }: ImportOptions,
): ImportLine[] {
  const { connection } = database;
  const find = connection.prepare<[string], Row>(
    'SELECT id, kind, source, password_hash AS hash FROM accounts WHERE name = ?',
  );
  const insert = connection.prepare(
    `INSERT INTO accounts (name, kind, password_hash, created_at, updated_at) VALUES (?, 'user', ?, ${now}, ${now})`,
  );
  const update = connection.prepare(
    `UPDATE accounts SET password_hash = ?, source = 'own', credential_version = credential_version + 1,
       updated_at = ${now} WHERE id = ?`,
  );
  const { entries, faults } = parseHtpasswd(content);
  const work = () =>
    entries.map((entry) => {
      const row = find.get(entry.name);
      const fate = fateOf(entry, row, replace);
      if (!dryRun && fate.outcome === 'added') insert.run(entry.name, entry.hash);
      if (!dryRun && row && (fate.outcome === 'replaced' || fate.outcome === 'taken-over')) {
        update.run(entry.hash, row.id);
      }
      return { line: entry.line, name: entry.name, ...fate };
    });
  const done = dryRun ? work() : database.write(work);
  const refused = faults.map(({ message, ...fault }) => ({
    ...fault,
    outcome: 'refused' as const,
    detail: message,
  }));
  return [...done, ...refused].sort((one, other) => one.line - other.line);
}

function fateOf(
  { name, hash }: HtpasswdEntry,
  row: Row | undefined,
  replace: boolean,
): Pick<ImportLine, 'outcome' | 'detail'> {
  const cost = `bcrypt of cost ${bcryptCost(hash)}`;
  if (!row) return { outcome: 'added', detail: cost };
  if (row.kind !== 'user')
    return { outcome: 'refused', detail: `"${name}" is a ${row.kind} here; rename the user` };
  if (row.source !== 'own')
    return { outcome: 'taken-over', detail: `${cost}; it was in the htpasswd file only` };
  if (row.hash === hash) return { outcome: 'unchanged', detail: 'it has this password already' };
  if (replace) return { outcome: 'replaced', detail: `${cost}; its tokens are void` };
  return { outcome: 'skipped', detail: 'there is such a user already; --replace gives it this password' };
}
