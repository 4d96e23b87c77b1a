import { openDatabase } from '../../runtime/sqlite.ts';
import { type ClockReading, checkClock } from './clock.ts';
import { type MarkCounts, Marker } from './mark.ts';
import { nextDue } from './next-due.ts';
import { type Plan, planRun } from './plan.ts';
import type { Retention } from './review.ts';
import { migrations } from './schema.ts';
import { removeSession } from './session-writes.ts';
import { Statements } from './statements.ts';

/**
 * The metadata store as the collector sees it; `registry.ts` is the handlers' face of the same store. Every method
 * is one transaction of a few milliseconds, since a writer of another process waits for it.
 */
export interface Collection {
  /** Whether wall clock and boot clock agree with what was seen before. @see clock.ts */
  checkClock(reading: ClockReading): Promise<{ suspect: boolean }>;
  /** Deletes expired upload sessions, dooming their files. @returns how many; 0 when none is left. */
  expireSessions(): Promise<number>;
  /** Works through due entries of the review list for at most `budgetMs`. `done` when none is left. */
  mark(budgetMs: number): Promise<MarkCounts & { done: boolean }>;
  /** Condemned blobs, in key order, whose files may be removed. */
  condemned(after: string, limit: number): Promise<CondemnedBlob[]>;
  /** Deletes the rows of removed files, where digest, key and state still match. @returns how many did. */
  forgetCondemned(blobs: readonly CondemnedBlob[]): Promise<number>;
  /**
   * Files that nothing needs, those of uploads first: without its upload a session that is being closed can no longer
   * bring a file under a key that was swept before.
   */
  doomedKeys(kind: 'upload' | 'blob', after: string, limit: number): Promise<DoomedKey[]>;
  forgetDoomed(keys: readonly DoomedKey[]): Promise<void>;
  /** Deletes journal rows older than this, at most `limit`. @returns how many. */
  trimEvents(olderThanMs: number, limit: number): Promise<number>;
  /** What a run at this time would do, on one snapshot, without writing. Infinity: all that will go in the end. */
  plan(at: number): Promise<Plan>;
  /** When the next entry of the review list is due. */
  nextDue(): Promise<number | undefined>;
  recordRun(startedAt: number, finishedAt: number, report: unknown): Promise<void>;
  lastRun(): Promise<unknown>;
  close(): Promise<void>;
}

export interface CondemnedBlob {
  digest: string;
  storageKey: string;
}

export interface DoomedKey {
  kind: 'blob' | 'upload';
  storageKey: string;
}

export function openCollection(path: string, retention: Retention): Collection {
  const database = openDatabase(path, { migrations, busyTimeoutMs: 15_000 });
  const statements = new Statements(database);
  const marker = new Marker(statements, retention);
  const transaction = <Result>(work: () => Result): Result => database.transaction(work).immediate();
  return {
    checkClock: async (reading) => transaction(() => checkClock(statements, reading, retention.leaseMs)),
    expireSessions: async () => transaction(() => expireSessions(statements)),
    mark: async (budgetMs) => transaction(() => marker.step(budgetMs)),
    condemned: async (after, limit) =>
      statements.all(
        `SELECT digest, storage_key AS storageKey FROM blobs
         WHERE state = 'condemned' AND digest > ? ORDER BY digest LIMIT ?`,
        after,
        limit,
      ),
    forgetCondemned: async (blobs) => transaction(() => forgetCondemned(statements, blobs)),
    doomedKeys: async (kind, after, limit) =>
      statements.all(
        `SELECT kind, storage_key AS storageKey FROM doomed_keys
         WHERE kind = ? AND storage_key > ? ORDER BY storage_key LIMIT ?`,
        kind,
        after,
        limit,
      ),
    forgetDoomed: async (keys) =>
      transaction(() => {
        for (const { kind, storageKey } of keys) {
          statements.run('DELETE FROM doomed_keys WHERE kind = ? AND storage_key = ?', kind, storageKey);
        }
      }),
    trimEvents: async (olderThanMs, limit) =>
      transaction(() =>
        statements.run(
          'DELETE FROM events WHERE id IN (SELECT id FROM events WHERE at < ? ORDER BY at LIMIT ?)',
          Date.now() - olderThanMs,
          limit,
        ),
      ),
    plan: async (at) => planRun(database, statements, retention, at),
    nextDue: async () => nextDue(statements),
    recordRun: async (startedAt, finishedAt, report) =>
      transaction(() => {
        statements.run(
          'INSERT INTO gc_runs (started_at, finished_at, report) VALUES (?, ?, ?)',
          startedAt,
          finishedAt,
          JSON.stringify(report),
        );
      }),
    lastRun: async () => {
      const row = statements.get<{ report: string }>('SELECT report FROM gc_runs ORDER BY id DESC LIMIT 1');
      return row ? JSON.parse(row.report) : undefined;
    },
    close: async () => {
      database.close();
    },
  };
}

/** The condition on the row is the compare-and-set: a session that was renewed meanwhile is not among them. */
function expireSessions(statements: Statements): number {
  const now = Date.now();
  const expired = statements.all<{ id: string; repositoryId: number }>(
    'SELECT id, repository_id AS repositoryId FROM upload_sessions WHERE expires_at <= ? LIMIT 100',
    now,
  );
  for (const { id } of expired) removeSession(statements, id, now);
  return expired.length;
}

function forgetCondemned(statements: Statements, blobs: readonly CondemnedBlob[]): number {
  let forgotten = 0;
  for (const { digest, storageKey } of blobs) {
    forgotten += statements.run(
      `DELETE FROM blobs WHERE digest = ? AND storage_key = ? AND state = 'condemned'`,
      digest,
      storageKey,
    );
  }
  return forgotten;
}
