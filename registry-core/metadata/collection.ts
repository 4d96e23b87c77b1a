import { openDatabase } from '../../runtime/sqlite.ts';
import { type ClockReading, checkClock, RunTime } from './clock.ts';
import type { EventKind } from './events.ts';
import { type MarkCounts, Marker } from './mark.ts';
import { nextDue } from './next-due.ts';
import { type Plan, planRun } from './plan.ts';
import { Rest } from './rest.ts';
import type { Retention } from './review.ts';
import { migrations } from './schema.ts';
import { removeSession } from './session-writes.ts';
import { Statements } from './statements.ts';
import { TagRemover } from './tag-removal.ts';
import { type SeenTag, type TagRemoval, TagSelection } from './tag-selection.ts';
import { openTrash, type TrashStore } from './trash-store.ts';

export type { TagRemoval } from './tag-selection.ts';
export type { TrashOfRun } from './trash-of-run.ts';
export type { TrashedBlob, TrashedManifest, TrashStore } from './trash-store.ts';

/**
 * The metadata store as the collector sees it; `registry.ts` is the handlers' face of the same store. Every method
 * is one transaction of a few milliseconds, since a writer of another process waits for it.
 */
export interface Collection {
  /** Whether wall clock and boot clock agree with what was seen before. The run's time begins. @see clock.ts */
  checkClock(reading: ClockReading): Promise<{ suspect: boolean }>;
  /** How long to rest before the next transaction, for those who wait for lock, disk and processor. @see rest.ts */
  restMs(): Promise<number>;
  /** How long the next transaction may take. */
  transactionMs(): Promise<number>;
  /** Deletes expired upload sessions, dooming their files. @returns how many; 0 when none is left. */
  expireSessions(): Promise<number>;
  /**
   * Looks for the next repository after `after`, in the order of names, of which a policy removes tags, for about
   * `budgetMs`. @returns where to go on, with or without a finding; undefined at the end.
   */
  nextTagRemoval(
    after: string,
    budgetMs: number,
  ): Promise<{ after: string; removal?: TagRemoval } | undefined>;
  /** Removes those of the tags that are still as they were seen, for at most `budgetMs`. @returns what is left. */
  removeTags(removal: TagRemoval, budgetMs: number): Promise<{ removed: number; left: SeenTag[] }>;
  /** Works through due entries of the review list for at most `budgetMs`. `done` when none is left. */
  mark(budgetMs: number): Promise<MarkCounts & { done: boolean }>;
  /**
   * Everything that was committed until now survives power loss, of whichever process. To be called before the first
   * file is removed: what was decided by expireSessions, mark and removeTags may be undone until then.
   */
  makeDurable(): Promise<void>;
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
  /** What is left to do, as far as it is known: due entries of the review list, condemned blobs. */
  pending(): Promise<{ due: number; condemned: number; condemnedBytes: number }>;
  /** How many rows of the journal are of a kind. */
  countEvents(kind: EventKind): Promise<number>;
  /** When the next entry of the review list is due. */
  nextDue(): Promise<number | undefined>;
  /** @returns the number of the run. One that is never finished was cut off. */
  beginRun(): Promise<number>;
  finishRun(run: number, report: unknown): Promise<void>;
  /** The report of the last run that came to its end. */
  lastRun(): Promise<unknown>;
  readonly trash: TrashStore;
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
  const tagSelection = new TagSelection(statements, retention);
  const tagRemover = new TagRemover(statements, retention);
  const time = new RunTime();
  const rest = new Rest(database);
  const transaction = <Result>(work: () => Result): Result =>
    rest.during(() => database.transaction(work).immediate());
  // Most of what a run decides is decided again by the next one if power loss undoes it, in the order of the log: so
  // it waits for no disk, and takes none from those who push. What must last first says so: makeDurable.
  const undurably = <Result>(work: () => Result): Result => {
    database.pragma('synchronous = NORMAL');
    try {
      return transaction(work);
    } finally {
      database.pragma('synchronous = FULL');
    }
  };
  return {
    transactionMs: async () => rest.transactionMs(),
    restMs: async () => rest.next(),
    async checkClock(reading) {
      time.begin();
      return transaction(() => checkClock(statements, reading, retention.leaseMs));
    },
    expireSessions: async () => undurably(() => expireSessions(statements, time.now())),
    nextTagRemoval: async (after, budgetMs) => tagSelection.next(after, time.now(), budgetMs),
    removeTags: async (removal, budgetMs) =>
      undurably(() => tagRemover.remove(removal, time.now(), budgetMs)),
    mark: async (budgetMs) => undurably(() => marker.step(budgetMs, time.now())),
    makeDurable: async () =>
      transaction(() => {
        statements.run(
          `INSERT INTO meta (key, value) VALUES ('durable_at', ?1) ON CONFLICT DO UPDATE SET value = ?1`,
          String(Date.now()),
        );
      }),
    condemned: async (after, limit) =>
      statements.all(
        `SELECT digest, storage_key AS storageKey FROM blobs
         WHERE state = 'condemned' AND digest > ? ORDER BY digest LIMIT ?`,
        after,
        limit,
      ),
    forgetCondemned: async (blobs) => undurably(() => forgetCondemned(statements, blobs)),
    doomedKeys: async (kind, after, limit) =>
      statements.all(
        `SELECT kind, storage_key AS storageKey FROM doomed_keys
         WHERE kind = ? AND storage_key > ? ORDER BY storage_key LIMIT ?`,
        kind,
        after,
        limit,
      ),
    forgetDoomed: async (keys) =>
      undurably(() => {
        for (const { kind, storageKey } of keys) {
          statements.run('DELETE FROM doomed_keys WHERE kind = ? AND storage_key = ?', kind, storageKey);
        }
      }),
    trimEvents: async (olderThanMs, limit) =>
      undurably(() =>
        statements.run(
          'DELETE FROM events WHERE id IN (SELECT id FROM events WHERE at < ? ORDER BY at LIMIT ?)',
          time.now() - olderThanMs,
          limit,
        ),
      ),
    countEvents: async (kind) =>
      statements.get<{ count: number }>('SELECT count(*) AS count FROM events WHERE kind = ?', kind)!.count,
    plan: async (at) => planRun(database, statements, retention, at),
    pending: async () =>
      statements.get<{ due: number; condemned: number; condemnedBytes: number }>(
        `SELECT (SELECT count(*) FROM review
             WHERE kind IN ('manifest', 'link', 'blob', 'repository') AND due_at <= ?) AS due,
           count(*) AS condemned, coalesce(sum(size), 0) AS condemnedBytes FROM blobs WHERE state = 'condemned'`,
        time.now(),
      )!,
    nextDue: async () => nextDue(statements),
    beginRun: async () =>
      transaction(
        () =>
          statements.get<{ id: number }>(
            'INSERT INTO gc_runs (started_at) VALUES (?) RETURNING id',
            Date.now(),
          )!.id,
      ),
    finishRun: async (run, report) =>
      transaction(() => {
        statements.run(
          'UPDATE gc_runs SET finished_at = ?, report = ? WHERE id = ?',
          Date.now(),
          JSON.stringify(report),
          run,
        );
      }),
    lastRun: async () => {
      const row = statements.get<{ report: string }>(
        'SELECT report FROM gc_runs WHERE finished_at IS NOT NULL ORDER BY id DESC LIMIT 1',
      );
      return row ? JSON.parse(row.report) : undefined;
    },
    trash: openTrash(statements, retention, transaction, () => time.now()),
    close: async () => {
      database.close();
    },
  };
}

/** The condition on the row is the compare-and-set: a session that was renewed meanwhile is not among them. */
function expireSessions(statements: Statements, now: number): number {
  const expired = statements.all<{ id: string; repositoryId: number }>(
    'SELECT id, repository_id AS repositoryId FROM upload_sessions WHERE expires_at <= ? LIMIT 100',
    now,
  );
  for (const { id } of expired) removeSession(statements, id, now);
  return expired.length;
}

function forgetCondemned(statements: Statements, blobs: readonly CondemnedBlob[]): number {
  return statements.run(
    `DELETE FROM blobs WHERE state = 'condemned'
       AND (digest, storage_key) IN (SELECT value ->> 0, value ->> 1 FROM json_each(?1))`,
    JSON.stringify(blobs.map(({ digest, storageKey }) => [digest, storageKey])),
  );
}
