import type { RetentionPolicy } from '../../runtime/retention-policies.ts';
import type { Statements } from './statements.ts';

/** Settings of the collector that decide when something may go. All in milliseconds. */
export interface Retention {
  leaseMs: number;
  graceMs: number;
  untaggedMs: number;
  uploadExpiryMs: number;
  /** How long what a run took away can be brought back. Absent or 0: it is gone at once. */
  trashMs?: number;
  /** In order; `policies.ts` reads them. Absent: none. */
  policies?: readonly RetentionPolicy[];
}

/**
 * Puts something on the review list. To be called in the transaction that takes away a holder, or that creates
 * something that nothing holds yet; mark reads due entries and nothing else.
 */
export function review(
  statements: Statements,
  kind: 'manifest' | 'link' | 'blob' | 'repository',
  repositoryId: number,
  digest: string,
  dueAt: number,
): void {
  statements.run(
    `INSERT INTO review (kind, repository_id, digest, due_at) VALUES (?, ?, ?, ?)
     ON CONFLICT DO UPDATE SET due_at = min(due_at, excluded.due_at)`,
    kind,
    repositoryId,
    digest,
    dueAt,
  );
}

/** Names a file that is to be removed, in the transaction that takes its last name away. */
export function doom(statements: Statements, kind: 'blob' | 'upload', key: string, now: number): void {
  statements.run(
    'INSERT INTO doomed_keys (kind, storage_key, doomed_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING',
    kind,
    key,
    now,
  );
}
