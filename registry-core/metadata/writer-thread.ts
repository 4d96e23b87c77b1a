import { parentPort, workerData } from 'node:worker_threads';
import { OciError } from '../../oci/errors.ts';
import { faultPoint } from '../../runtime/fault-points.ts';
import { type Database, openDatabase } from '../../runtime/sqlite.ts';
import type { Retention } from './review.ts';
import { createWrites, unsynced, type Writes } from './writes.ts';

/**
 * The core's one writer. Writes that arrive while a commit is being synced go into the next transaction together:
 * one fsync for many pushes. Each has a savepoint of its own, so a refused one takes nothing else with it.
 */
export interface WriteRequest {
  id: number;
  method: keyof Writes;
  parameters: unknown[];
}

export type WriteAnswer = { id: number } & ({ result: unknown } | { error: WriteError });

/** An error in a form that survives the way between threads. */
export interface WriteError {
  oci?: { code: OciError['code']; status: number; detail: unknown; headers: Record<string, string> };
  message: string;
  code?: string | undefined;
  stack?: string | undefined;
}

export interface WriterData {
  path: string;
  retention: Retention;
}

const port = parentPort;
if (port) {
  const { path, retention } = workerData as WriterData;
  const database = openDatabase(path);
  // Waiting for the lock is `begin`’s.
  database.pragma('busy_timeout = 0');
  // Four times the collector's: while it works, it moves the log into the database, and no push waits for that.
  database.pragma('wal_autocheckpoint = 4000');
  const writes = createWrites(database, retention);
  let waiting: WriteRequest[] = [];
  port.on('message', (message: WriteRequest | 'close') => {
    if (message === 'close') {
      while (waiting.length > 0) flush();
      database.close();
      port.close();
      return;
    }
    if (waiting.push(message) === 1) setImmediate(flush);
  });

  function flush(): void {
    const answers = runBatch(database, writes, waiting);
    waiting = waiting.slice(answers.length);
    for (const answer of answers) port!.postMessage(answer);
    if (waiting.length > 0) setImmediate(flush);
  }
}

/** After this long a batch commits, so that small writes do not wait for many large ones. */
const batchMs = 20;

/**
 * Runs the requests, in order, in one transaction. When the transaction itself fails, all of them have failed.
 * @returns an answer for each that ran; for fewer than were given when their time was over.
 */
export function runBatch(database: Database, writes: Writes, batch: readonly WriteRequest[]): WriteAnswer[] {
  const isSynced = batch.some(({ method }) => !unsynced.has(method));
  if (!isSynced) database.pragma('synchronous = NORMAL');
  try {
    begin(database);
    const answers: WriteAnswer[] = [];
    const deadline = performance.now() + batchMs;
    for (const request of batch) {
      if (answers.length > 0 && performance.now() > deadline) break;
      answers.push(runOne(database, writes, request));
    }
    faultPoint('core.transaction.written');
    database.exec('COMMIT');
    faultPoint('core.transaction.committed');
    return answers;
  } catch (error) {
    if (database.inTransaction) database.exec('ROLLBACK');
    return batch.map(({ id }) => ({ id, error: describe(error as Error) }));
  } finally {
    if (!isSynced) database.pragma('synchronous = FULL');
  }
}

const lockLimitMs = 5000;
const lockPollMs = 0.3;
const nothing = new Int32Array(new SharedArrayBuffer(4));

/**
 * Takes the write lock in the gap between two transactions of the collector. SQLite's own busy handler sleeps for
 * longer and longer, up to 100 ms, and misses gap after gap.
 */
function begin(database: Database): void {
  const deadline = performance.now() + lockLimitMs;
  for (;;) {
    try {
      database.exec('BEGIN IMMEDIATE');
      return;
    } catch (error) {
      const isBusy = String((error as NodeJS.ErrnoException).code).startsWith('SQLITE_BUSY');
      if (!isBusy || performance.now() > deadline) throw error;
      Atomics.wait(nothing, 0, 0, lockPollMs);
    }
  }
}

function runOne(database: Database, writes: Writes, { id, method, parameters }: WriteRequest): WriteAnswer {
  database.exec('SAVEPOINT one');
  try {
    const result = (writes[method] as (...parameters: unknown[]) => unknown)(...parameters);
    database.exec('RELEASE one');
    return { id, result };
  } catch (error) {
    // A full disk ends the whole transaction by itself; then the batch fails as one.
    if (!database.inTransaction) throw error;
    database.exec('ROLLBACK TO one');
    database.exec('RELEASE one');
    return { id, error: describe(error as Error) };
  }
}

function describe(error: Error): WriteError {
  const { message, stack } = error;
  if (error instanceof OciError) {
    const { code, status, detail, headers } = error;
    return { message, oci: { code, status, detail, headers } };
  }
  return { message, stack, code: (error as NodeJS.ErrnoException).code };
}
