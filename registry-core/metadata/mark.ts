import { linkHolder, manifestHolders, repositoryInDoubt } from './holders.ts';
import { removeManifest } from './manifest-removal.ts';
import { type Retention, review } from './review.ts';
import type { Statements } from './statements.ts';

export interface MarkCounts {
  reviewed: number;
  manifestsDeleted: number;
  linksDeleted: number;
  blobsCondemned: number;
  /** Names of repositories where nothing was deleted because they hold a manifest of an unknown type. */
  inDoubt: string[];
}

interface Entry {
  repositoryId: number;
  digest: string;
}

const collector = { actor: 'gc', requestId: '-', clientAddress: '-' };
/** An entry that cannot be decided is looked at again by a later run. */
const inDoubtRestMs = 3_600_000;
const batch = 64;

/**
 * Works through due entries of the review list. It walks no graph: each entry's *direct* holders are checked again
 * in the transaction that deletes it, so no list that was made earlier can be wrong. Manifests come first, then
 * links, then blobs; what a deletion releases becomes due at once, so a deleted index is gone in the same run.
 */
export class Marker {
  readonly #statements: Statements;
  readonly #retention: Retention;

  constructor(statements: Statements, retention: Retention) {
    this.#statements = statements;
    this.#retention = retention;
  }

  /** The body of one transaction of at most `budgetMs` milliseconds. */
  step(budgetMs: number): MarkCounts & { done: boolean } {
    const counts = {
      reviewed: 0,
      manifestsDeleted: 0,
      linksDeleted: 0,
      blobsCondemned: 0,
      inDoubt: [] as string[],
    };
    const now = Date.now();
    const deadline = performance.now() + budgetMs;
    for (;;) {
      const work = this.#next(now);
      if (!work) return { ...counts, done: true };
      for (const entry of work.entries) {
        if (performance.now() > deadline && counts.reviewed > 0) return { ...counts, done: false };
        counts.reviewed++;
        if (work.kind === 'manifest') this.#manifest(entry, now, counts);
        else if (work.kind === 'link') this.#link(entry, now, counts);
        else if (work.kind === 'blob') this.#blob(entry, counts);
        else this.#repository(entry);
      }
    }
  }

  #next(now: number): { kind: 'manifest' | 'link' | 'blob' | 'repository'; entries: Entry[] } | undefined {
    for (const kind of ['manifest', 'link', 'blob', 'repository'] as const) {
      const entries = this.#statements.all<Entry>(
        `SELECT repository_id AS repositoryId, digest FROM review
         WHERE kind = ? AND due_at <= ? ORDER BY due_at LIMIT ${batch}`,
        kind,
        now,
      );
      if (entries.length > 0) return { kind, entries };
    }
    return undefined;
  }

  #manifest({ repositoryId, digest }: Entry, now: number, counts: MarkCounts): void {
    const holders = manifestHolders();
    const row = this.#statements.get<ManifestUnderReview>(
      `SELECT m.id, m.lease_until AS leaseUntil, m.unheld_since AS unheldSince, r.name AS repository,
         ${holders.tag} OR ${holders.index} OR ${holders.subject} AS held,
         ${repositoryInDoubt('m.repository_id')} AS inDoubt
       FROM manifests m JOIN repositories r ON r.id = m.repository_id
       WHERE m.repository_id = ? AND m.digest = ?`,
      repositoryId,
      digest,
    );
    // Whoever takes the last holder away puts it on the list again.
    if (!row || row.held) return this.#strike('manifest', repositoryId, digest);
    const due =
      Math.max(row.leaseUntil, row.unheldSince === 0 ? 0 : row.unheldSince + this.#retention.untaggedMs) +
      this.#retention.graceMs;
    if (due > now) return this.#postpone('manifest', repositoryId, digest, due);
    if (row.inDoubt) return this.#leaveInDoubt('manifest', repositoryId, digest, row.repository, now, counts);
    removeManifest(this.#statements, { ...row, repositoryId, digest }, now, collector);
    counts.manifestsDeleted++;
    this.#strike('manifest', repositoryId, digest);
  }

  #link({ repositoryId, digest }: Entry, now: number, counts: MarkCounts): void {
    const row = this.#statements.get<{
      leaseUntil: number;
      repository: string;
      held: number;
      inDoubt: number;
    }>(
      `SELECT l.lease_until AS leaseUntil, r.name AS repository, ${linkHolder()} AS held,
         ${repositoryInDoubt('l.repository_id')} AS inDoubt
       FROM links l JOIN repositories r ON r.id = l.repository_id WHERE l.repository_id = ? AND l.digest = ?`,
      repositoryId,
      digest,
    );
    if (!row || row.held) return this.#strike('link', repositoryId, digest);
    const due = row.leaseUntil + this.#retention.graceMs;
    if (due > now) return this.#postpone('link', repositoryId, digest, due);
    if (row.inDoubt) return this.#leaveInDoubt('link', repositoryId, digest, row.repository, now, counts);
    this.#statements.run('DELETE FROM links WHERE repository_id = ? AND digest = ?', repositoryId, digest);
    counts.linksDeleted++;
    review(this.#statements, 'blob', 0, digest, now);
    review(this.#statements, 'repository', repositoryId, '', now);
    this.#strike('link', repositoryId, digest);
  }

  #blob({ digest }: Entry, counts: MarkCounts): void {
    const unlinked = 'digest = ?1 AND NOT EXISTS (SELECT 1 FROM links WHERE digest = ?1)';
    this.#statements.run(`DELETE FROM blobs WHERE ${unlinked} AND storage_key IS NULL`, digest);
    counts.blobsCondemned += this.#statements.run(
      `UPDATE blobs SET state = 'condemned' WHERE ${unlinked} AND state <> 'condemned'`,
      digest,
    );
    this.#strike('blob', 0, digest);
  }

  /** An empty repository's row goes; a push that comes at the same time makes it again. */
  #repository({ repositoryId }: Entry): void {
    const removed = this.#statements.run(
      `DELETE FROM repositories WHERE id = ?1
       AND NOT EXISTS (SELECT 1 FROM manifests WHERE repository_id = ?1)
       AND NOT EXISTS (SELECT 1 FROM links WHERE repository_id = ?1)
       AND NOT EXISTS (SELECT 1 FROM upload_sessions WHERE repository_id = ?1)`,
      repositoryId,
    );
    if (removed > 0) this.#statements.run('DELETE FROM review WHERE repository_id = ?', repositoryId);
    else this.#strike('repository', repositoryId, '');
  }

  #leaveInDoubt(
    kind: 'manifest' | 'link',
    repositoryId: number,
    digest: string,
    name: string,
    now: number,
    counts: MarkCounts,
  ): void {
    if (!counts.inDoubt.includes(name)) counts.inDoubt.push(name);
    this.#postpone(kind, repositoryId, digest, now + inDoubtRestMs);
  }

  #strike(kind: string, repositoryId: number, digest: string): void {
    this.#statements.run(
      'DELETE FROM review WHERE kind = ? AND repository_id = ? AND digest = ?',
      kind,
      repositoryId,
      digest,
    );
  }

  #postpone(kind: string, repositoryId: number, digest: string, dueAt: number): void {
    this.#statements.run(
      'UPDATE review SET due_at = ? WHERE kind = ? AND repository_id = ? AND digest = ?',
      dueAt,
      kind,
      repositoryId,
      digest,
    );
  }
}

interface ManifestUnderReview {
  id: number;
  leaseUntil: number;
  unheldSince: number;
  repository: string;
  held: number;
  inDoubt: number;
}
