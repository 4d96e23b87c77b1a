import { collector } from './events.ts';
import { manifestHolders, repositoryInDoubt } from './holders.ts';
import { removeManifest } from './manifest-removal.ts';
import { reviewBlobs, reviewLinks } from './mark-sets.ts';
import { untaggedMs } from './policies.ts';
import type { Retention } from './review.ts';
import type { Statements } from './statements.ts';
import { TrashRecords } from './trash.ts';

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

/** An entry that cannot be decided is looked at again by a later run. */
const inDoubtRestMs = 3_600_000;
/**
 * How many entries are decided together: as many as take this part of the transaction's time, by the batch before. The
 * next may cost more for each, so there is an upper bound. SQLite goes through a batch in the order of digests: the
 * larger it is, the more rows it changes of a page at once.
 */
const batch = { least: 64, mostPerMs: 25, part: 1 / 4 };

/**
 * Works through due entries of the review list. It walks no graph: each entry's *direct* holders are checked again
 * in the transaction that deletes it, so no list that was made earlier can be wrong. Manifests come first, then
 * links, then blobs; what a deletion releases becomes due at once, so a deleted index is gone in the same run.
 */
export class Marker {
  readonly #statements: Statements;
  readonly #retention: Retention;
  readonly #trash: TrashRecords;
  #batch = batch.least;

  constructor(statements: Statements, retention: Retention) {
    this.#statements = statements;
    this.#retention = retention;
    this.#trash = new TrashRecords(statements, retention);
  }

  /** The body of one transaction of at most `budgetMs` milliseconds, by a run's time (see `RunTime`). */
  step(budgetMs: number, now: number): MarkCounts & { done: boolean } {
    const counts = {
      reviewed: 0,
      manifestsDeleted: 0,
      linksDeleted: 0,
      blobsCondemned: 0,
      inDoubt: [] as string[],
    };
    const deadline = performance.now() + budgetMs;
    const isOver = () => performance.now() > deadline && counts.reviewed > 0;
    for (;;) {
      const startedAt = performance.now();
      this.#batch = Math.max(batch.least, Math.min(this.#batch, budgetMs * batch.mostPerMs));
      const reviewed =
        this.#each('manifest', now, counts, isOver, (entry) => this.#manifest(entry, now, counts)) ||
        this.#links(now, counts) ||
        this.#blobs(now, counts) ||
        this.#each('repository', now, counts, isOver, (entry) => this.#repository(entry));
      if (reviewed === 0) return { ...counts, done: true };
      this.#adapt(reviewed, performance.now() - startedAt, budgetMs);
      if (isOver()) return { ...counts, done: false };
    }
  }

  #adapt(reviewed: number, tookMs: number, budgetMs: number): void {
    const perMs = reviewed / Math.max(tookMs, 0.01);
    this.#batch = Math.floor(Math.min(this.#batch * 2, perMs * budgetMs * batch.part));
  }

  /** @returns how many entries of the kind there were, up to a batch. */
  #each(
    kind: 'manifest' | 'repository',
    now: number,
    counts: MarkCounts,
    isOver: () => boolean,
    decide: (entry: Entry) => void,
  ): number {
    const entries = this.#statements.all<Entry>(
      `SELECT repository_id AS repositoryId, digest FROM review
       WHERE kind = ? AND due_at <= ? ORDER BY due_at LIMIT ?`,
      kind,
      now,
      this.#batch,
    );
    for (const entry of entries) {
      if (isOver()) break;
      counts.reviewed++;
      decide(entry);
    }
    return entries.length;
  }

  #links(now: number, counts: MarkCounts): number {
    const found = reviewLinks(this.#statements, this.#trash, this.#retention, now, this.#batch);
    for (const { repositoryId, digest, dueAt } of found.waiting) {
      this.#postpone('link', repositoryId, digest, dueAt);
    }
    for (const { repositoryId, digest, repository } of found.inDoubt) {
      this.#leaveInDoubt('link', repositoryId, digest, repository, now, counts);
    }
    counts.linksDeleted += found.deleted;
    counts.blobsCondemned += found.condemned;
    counts.reviewed += found.reviewed;
    return found.reviewed;
  }

  #blobs(now: number, counts: MarkCounts): number {
    const { reviewed, condemned } = reviewBlobs(this.#statements, now, this.#batch);
    counts.blobsCondemned += condemned;
    counts.reviewed += reviewed;
    return reviewed;
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
      Math.max(
        row.leaseUntil,
        row.unheldSince === 0 ? 0 : row.unheldSince + untaggedMs(this.#retention, row.repository),
      ) + this.#retention.graceMs;
    if (due > now) return this.#postpone('manifest', repositoryId, digest, due);
    if (row.inDoubt) return this.#leaveInDoubt('manifest', repositoryId, digest, row.repository, now, counts);
    this.#trash.manifest(row.id, now);
    removeManifest(this.#statements, { ...row, repositoryId, digest }, now, collector);
    counts.manifestsDeleted++;
    this.#strike('manifest', repositoryId, digest);
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
