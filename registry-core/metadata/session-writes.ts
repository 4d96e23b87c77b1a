import type { RequestContext } from '../../runtime/request-context.ts';
import { doomStrays, forgetJournaled, journal, markRestored } from './journal.ts';
import type { Closing, OpenSession } from './registry.ts';
import { ensureRepository } from './repositories.ts';
import { doom, type Retention, review } from './review.ts';
import type { Statements } from './statements.ts';

/** Writes about upload sessions. Each method is the body of one transaction of the writer thread. */
export class SessionWrites {
  readonly #statements: Statements;
  readonly #retention: Retention;

  constructor(statements: Statements, retention: Retention) {
    this.#statements = statements;
    this.#retention = retention;
  }

  openSession({ id, repository, algorithm }: OpenSession, context: RequestContext): void {
    const now = Date.now();
    this.#statements.run(
      `INSERT INTO upload_sessions
         (id, repository_id, state, algorithm, offset, expires_at, created_at, actor, request_id, client_address)
       VALUES (?, ?, 'open', ?, 0, ?, ?, ?, ?, ?)`,
      id,
      ensureRepository(this.#statements, repository, now),
      algorithm,
      now + this.#retention.uploadExpiryMs,
      now,
      context.actor,
      context.requestId,
      context.clientAddress,
    );
  }

  advanceSession(id: string, offset: number): boolean {
    const changed = this.#statements.run(
      `UPDATE upload_sessions SET offset = ?, expires_at = ? WHERE id = ? AND state = 'open'`,
      offset,
      Date.now() + this.#retention.uploadExpiryMs,
      id,
    );
    return changed === 1;
  }

  /** @param content all bytes of a small upload: with this transaction they survive power loss. */
  closeSession(...[id, digest, key, offset, content]: Closing): boolean {
    const { uploadExpiryMs, leaseMs } = this.#retention;
    const changed = this.#statements.run(
      `UPDATE upload_sessions SET state = 'closing', closing_digest = ?, closing_key = ?, offset = ?, expires_at = ?
       WHERE id = ? AND state = 'open'`,
      digest,
      key,
      offset,
      // What is in the journal is promised for a lease, even where power loss undoes the commit that comes after.
      Date.now() + Math.max(uploadExpiryMs, content ? leaseMs : 0),
      id,
    );
    if (changed === 1 && content) journal(this.#statements, id, key, content);
    return changed === 1;
  }

  closeUnrecorded(session: OpenSession, context: RequestContext, closing: Closing): void {
    this.openSession(session, context);
    this.closeSession(...closing);
  }

  cancelSession(id: string): boolean {
    return removeSession(this.#statements, id, Date.now());
  }

  markRestored(key: string): void {
    markRestored(this.#statements, key);
  }

  forgetJournaled(keys: readonly string[]): void {
    forgetJournaled(this.#statements, keys);
  }

  doomStrays(ids: readonly string[]): void {
    doomStrays(this.#statements, ids, Date.now());
  }

  forgetDoomed(kind: 'blob' | 'upload', key: string): void {
    this.#statements.run('DELETE FROM doomed_keys WHERE kind = ? AND storage_key = ?', kind, key);
  }
}

/** Removes a session's row and dooms the files that only it named. Shared by DELETE and by expiry. */
export function removeSession(statements: Statements, id: string, now: number): boolean {
  const row = statements.get<{ repositoryId: number; closingKey: string | null }>(
    'DELETE FROM upload_sessions WHERE id = ? RETURNING repository_id AS repositoryId, closing_key AS closingKey',
    id,
  );
  if (!row) return false;
  review(statements, 'repository', row.repositoryId, '', now);
  doom(statements, 'upload', id, now);
  if (row.closingKey !== null) doom(statements, 'blob', row.closingKey, now);
  return true;
}
