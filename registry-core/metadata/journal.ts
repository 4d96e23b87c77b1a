import { digestOfKey } from '../storage/key.ts';
import { doom } from './review.ts';
import type { Statements } from './statements.ts';
import { isNamed } from './verify-reads.ts';

/** A small blob whose bytes are in the journal still. */
export interface JournalEntry {
  id: number;
  session: string;
  key: string;
  /** In bytes. */
  size: number;
  /** What needs the bytes: a blob, one whose file was found bad, the session until the commit, or nothing (any more). */
  neededBy: 'blob' | 'damaged' | 'session' | 'nothing';
}

/** To be called in the transaction that closes the session: the bytes survive power loss with it. */
export function journal(statements: Statements, session: string, key: string, content: Uint8Array): void {
  statements.run(
    'INSERT INTO blob_journal (session, storage_key, content) VALUES (?, ?, ?)',
    session,
    key,
    content,
  );
}

/** The next by their ids, which are given in the order of closing. */
export function journalEntries(statements: Statements, after: number, limit: number): JournalEntry[] {
  const entries = statements.all<Omit<JournalEntry, 'neededBy'>>(
    `SELECT id, session, storage_key AS key, length(content) AS size
     FROM blob_journal WHERE id > ? ORDER BY id LIMIT ?`,
    after,
    limit,
  );
  return entries.map((entry) => ({ ...entry, neededBy: needOf(statements, entry) }));
}

function needOf(statements: Statements, { session, key }: { session: string; key: string }) {
  return statements.get<Pick<JournalEntry, 'neededBy'>>(
    `SELECT coalesce(
       (SELECT CASE state WHEN 'present' THEN 'blob' WHEN 'damaged' THEN 'damaged' END
        FROM blobs WHERE digest = ? AND storage_key = ?),
       (SELECT 'session' FROM upload_sessions WHERE id = ?), 'nothing') AS neededBy`,
    digestOfKey(key),
    key,
    session,
  )!.neededBy;
}

/** The id of the newest; 0 when there is none. */
export function journalEnd(statements: Statements): number {
  return statements.get<{ end: number | null }>('SELECT max(id) AS end FROM blob_journal')!.end ?? 0;
}

export function journaledContent(statements: Statements, key: string): Uint8Array | undefined {
  return statements.get<{ content: Uint8Array }>(
    'SELECT content FROM blob_journal WHERE storage_key = ?',
    key,
  )?.content;
}

/** Takes back that a blob is damaged, when its file was made anew. */
export function markRestored(statements: Statements, key: string): void {
  statements.run(
    `UPDATE blobs SET state = 'present' WHERE digest = ? AND storage_key = ? AND state = 'damaged'`,
    digestOfKey(key),
    key,
  );
}

export function forgetJournaled(statements: Statements, keys: readonly string[]): void {
  for (const key of keys) statements.run('DELETE FROM blob_journal WHERE storage_key = ?', key);
}

/**
 * Names files of uploads for the collector whose sessions power loss took away.
 * @param ids of files that were there before this transaction began.
 */
export function doomStrays(statements: Statements, ids: readonly string[], now: number): void {
  for (const id of ids) {
    if (!isNamed(statements, { place: 'upload', id })) doom(statements, 'upload', id, now);
  }
}
