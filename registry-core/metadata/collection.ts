import { type Database, openDatabase } from '../../runtime/sqlite.ts';
import { type ClockReading, checkClock, RunTime } from './clock.ts';
import { type Durability, durabilityOf } from './durability.ts';
import type { EventKind } from './events.ts';
import { type MarkCounts, Marker } from './mark.ts';
import { nextDue } from './next-due.ts';
import { type Plan, planRun } from './plan.ts';
import { Rest } from './rest.ts';
import type { Retention } from './review.ts';
import { openRuns, type Runs } from './runs.ts';
import { migrations } from './schema.ts';
import { removeSession } from './session-writes.ts';
import { Statements } from './statements.ts';
import { openSweepings, type Sweepings } from './sweepings.ts';
import { TagRemover } from './tag-removal.ts';
import { type SeenTag, type TagRemoval, TagSelection } from './tag-selection.ts';
import { openTrash, type TrashStore } from './trash-store.ts';

export type { CondemnedBlob, DoomedKey } from './sweepings.ts';
export type { TagRemoval } from './tag-selection.ts';
export type { TrashOfRun } from './trash-of-run.ts';
export type { TrashedBlob, TrashedManifest, TrashStore } from './trash-store.ts';

/**
 * The metadata store as the collector sees it; `registry.ts` is the handlers' face of the same store. Every method
 * is one transaction of a few milliseconds, since a writer of another process waits for it.
 */
export interface Collection extends Runs, Decisions, Sweepings {
  /** Whether wall clock and boot clock agree with what was seen before. The run's time begins. @see clock.ts */
  checkClock(reading: ClockReading): Promise<{ suspect: boolean }>;
  /** How long to rest before the next transaction, for those who wait for lock, disk and processor. @see rest.ts */
  restMs(): Promise<number>;
  /** How long the next transaction may take. */
  transactionMs(): Promise<number>;
  /** How many files a sweep may remove before it forgets their rows. */
  sweepLimit(): Promise<number>;
  /** What a run at this time would do, on one snapshot, without writing. Infinity: all that will go in the end. */
  plan(at: number): Promise<Plan>;
  /** What is left to do, as far as it is known: due entries of the review list, condemned blobs. */
  pending(): Promise<{ due: number; condemned: number; condemnedBytes: number }>;
  /** When the next entry of the review list is due. */
  nextDue(): Promise<number | undefined>;
  /** How many rows of the journal are of a kind. */
  countEvents(kind: EventKind): Promise<number>;
  readonly trash: TrashStore;
  close(): Promise<void>;
}

/** What a run decides, by policy and by age. */
export interface Decisions {
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
  /** Deletes journal rows older than this, at most `limit`. @returns how many. */
  trimEvents(olderThanMs: number, limit: number): Promise<number>;
}

export interface CollectionOptions {
  /** Whether a core serves the store, as far as can be told: without one nobody waits for the collector. */
  isServed?: () => boolean;
}

export function openCollection(
  path: string,
  retention: Retention,
  { isServed = () => true }: CollectionOptions = {},
): Collection {
  const database = openDatabase(path, { migrations, busyTimeoutMs: 15_000 });
  useMemory(database);
  const statements = new Statements(database);
  const time = new RunTime();
  const rest = new Rest(database, isServed);
  const durability = durabilityOf(database, rest);
  return {
    ...openRuns(statements, durability),
    ...openSweepings(statements, durability),
    ...openDecisions(statements, retention, durability, time),
    transactionMs: async () => rest.transactionMs(),
    sweepLimit: async () => rest.sweepLimit(),
    restMs: async () => rest.next(),
    checkClock: async (reading) => {
      time.begin();
      return durability.durably(() => checkClock(statements, reading, retention.leaseMs));
    },
    plan: async (at) => withTemporaryFiles(database, () => planRun(database, statements, retention, at)),
    pending: async () => pending(statements, time.now()),
    nextDue: async () => nextDue(statements),
    countEvents: async (kind) =>
      statements.get<{ count: number }>('SELECT count(*) AS count FROM events WHERE kind = ?', kind)!.count,
    trash: openTrash(statements, retention, durability.durably, () => time.now()),
    close: async () => {
      database.close();
    },
  };
}

function openDecisions(
  statements: Statements,
  retention: Retention,
  { undurably }: Durability,
  time: RunTime,
): Decisions {
  const marker = new Marker(statements, retention);
  const tagSelection = new TagSelection(statements, retention);
  const tagRemover = new TagRemover(statements, retention);
  return {
    expireSessions: async () => undurably(() => expireSessions(statements, time.now())),
    nextTagRemoval: async (after, budgetMs) => tagSelection.next(after, time.now(), budgetMs),
    removeTags: async (removal, budgetMs) =>
      undurably(() => tagRemover.remove(removal, time.now(), budgetMs)),
    mark: async (budgetMs) => undurably(() => marker.step(budgetMs, time.now())),
    trimEvents: async (olderThanMs, limit) =>
      undurably(() =>
        statements.run(
          'DELETE FROM events WHERE id IN (SELECT id FROM events WHERE at < ? ORDER BY at LIMIT ?)',
          time.now() - olderThanMs,
          limit,
        ),
      ),
  };
}

/**
 * Digests lie anywhere, so a run comes back to its pages. What a statement changes SQLite copies first, in case it
 * fails: of one that changes some thousand rows that is some thousand pages, written to a file unless they stay here.
 */
function useMemory(database: Database): void {
  database.pragma('cache_size = -32768');
  database.pragma('temp_store = MEMORY');
}

/** A plan has a row for all that waits, of which there may be millions. */
function withTemporaryFiles<Result>(database: Database, work: () => Result): Result {
  database.pragma('temp_store = DEFAULT');
  try {
    return work();
  } finally {
    database.pragma('temp_store = MEMORY');
  }
}

function pending(statements: Statements, now: number): Awaited<ReturnType<Collection['pending']>> {
  return statements.get<{ due: number; condemned: number; condemnedBytes: number }>(
    `SELECT (SELECT count(*) FROM review
         WHERE kind IN ('manifest', 'link', 'blob', 'repository') AND due_at <= ?) AS due,
       count(*) AS condemned, coalesce(sum(size), 0) AS condemnedBytes FROM blobs WHERE state = 'condemned'`,
    now,
  )!;
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
