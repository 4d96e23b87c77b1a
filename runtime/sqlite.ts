import { closeSync, openSync } from 'node:fs';
import Database from 'better-sqlite3';
import { applyMigrations, type Migration } from './migrations.ts';

export type { Database } from 'better-sqlite3';

export interface OpenOptions {
  /** Numbered from 1, in order. Readers that must not create anything leave them out. */
  migrations?: readonly Migration[];
  /** FULL: what was committed survives power loss. NORMAL: survives kill -9. */
  synchronous?: 'FULL' | 'NORMAL';
  /** Milliseconds that a statement waits for another connection's lock; blocks this thread. */
  busyTimeoutMs?: number;
}

/**
 * Opens a database of the data directory, owner-readable only, in WAL mode. Transactions that may write are to
 * begin IMMEDIATE: one that reads first and writes later fails at once with SQLITE_BUSY_SNAPSHOT.
 */
export function openDatabase(path: string, options: OpenOptions = {}): Database.Database {
  // Created here rather than by SQLite, whose default mode is 0644 whatever the umask of a caller.
  if (options.migrations) closeSync(openSync(path, 'a', 0o600));
  const { busyTimeoutMs = 5000 } = options;
  const database = new Database(path, { fileMustExist: true, timeout: busyTimeoutMs });
  try {
    switchToWal(database, busyTimeoutMs);
    database.pragma(`synchronous = ${options.synchronous ?? 'FULL'}`);
    database.pragma('foreign_keys = ON');
    database.pragma('journal_size_limit = 67108864');
    database.pragma('trusted_schema = OFF');
    if (options.migrations) applyMigrations(database, options.migrations);
    return database;
  } catch (error) {
    database.close();
    throw describeFailure(path, error as Error & { code?: string });
  }
}

/**
 * Where every commit to a database in WAL mode shows: the header of its WAL-index, which SQLite itself compares to know
 * whether what it has read before still holds (https://sqlite.org/walformat.html, 2.1: WalIndexHdr). The file is there
 * while a connection is open. A process that has one must not open the file: closing it again would give up its locks.
 */
export function walIndexOf(path: string): { path: string; bytes: number } {
  return { path: `${path}-shm`, bytes: 48 };
}

/** SQLite does not wait for another connection that is just doing the same to a new database; so we do. */
function switchToWal(database: Database.Database, limitMs: number): void {
  const deadline = performance.now() + limitMs;
  for (;;) {
    try {
      database.pragma('journal_mode = WAL');
      return;
    } catch (error) {
      if ((error as { code?: string }).code !== 'SQLITE_BUSY' || performance.now() >= deadline) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
}

function describeFailure(path: string, error: Error & { code?: string }): Error {
  if (error.code !== 'SQLITE_NOTADB' && error.code !== 'SQLITE_CORRUPT') return error;
  const message = `${path} is damaged (${error.message}); put a backup of it in its place`;
  return Object.assign(new Error(message, { cause: error }), { code: error.code });
}

/** @returns a connection that holds the database exclusively until closed, undefined when another one does. */
export function openExclusively(path: string): Database.Database | undefined {
  closeSync(openSync(path, 'a', 0o600));
  const database = new Database(path, { timeout: 0 });
  try {
    // The new database's first page would go to a journal on disk, which may be full.
    database.pragma('journal_mode = MEMORY');
    database.exec('BEGIN EXCLUSIVE');
    return database;
  } catch (error) {
    database.close();
    if ((error as { code?: string }).code?.startsWith('SQLITE_BUSY')) return undefined;
    throw error;
  }
}
