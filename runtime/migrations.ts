import type { Database } from 'better-sqlite3';

export interface Migration {
  /** What it brings, for the reader. */
  name: string;
  sql: string;
}

/**
 * Brings a database to the newest schema. `PRAGMA user_version` is the number of migrations applied; each is one
 * transaction, so a crash leaves the database at a whole number. Safe when several processes start at once.
 * @throws Error when the database is of a newer Gatehouse.
 */
export function applyMigrations(database: Database, migrations: readonly Migration[]): void {
  const version = () => database.pragma('user_version', { simple: true }) as number;
  if (version() > migrations.length) {
    throw new Error(
      `${database.name} was written by a newer Gatehouse (schema ${version()}); start that version`,
    );
  }
  const step = database.transaction(() => {
    const migration = migrations[version()];
    if (!migration) return false;
    database.exec(migration.sql);
    database.pragma(`user_version = ${version() + 1}`);
    return true;
  });
  while (version() < migrations.length && step.immediate());
}
