import type { Digest } from '../../oci/digest.ts';
import type { Database } from '../../runtime/sqlite.ts';
import { doom, type Retention, review } from './review.ts';
import type { Statements } from './statements.ts';
import { forgetTrashed } from './trash-store.ts';
import { type CheckedBlob, type FileName, type Forgotten, isNamed } from './verify-reads.ts';

/** What a manifest's bytes refer to. */
export interface References {
  blobs: readonly Digest[];
  children: readonly Digest[];
}

/** Each method is one short transaction. @returns whether it changed anything: false when somebody else did before. */
export class VerifyRepairs {
  readonly #database: Database;
  readonly #statements: Statements;
  readonly #retention: Retention;

  constructor(database: Database, statements: Statements, retention: Retention) {
    this.#database = database;
    this.#statements = statements;
    this.#retention = retention;
  }

  /** From now on nobody is told that it exists; references stay, and the next push of the digest heals it. */
  async markDamaged(blob: CheckedBlob): Promise<boolean> {
    return this.#setState(blob, 'damaged');
  }

  /** Its bytes were seen to be whole after all: a disk or a backup came back. */
  async markWhole(blob: CheckedBlob): Promise<boolean> {
    return this.#setState(blob, 'present');
  }

  #setState({ digest, storageKey, state }: CheckedBlob, to: 'present' | 'damaged'): boolean {
    return this.#changes(() =>
      this.#statements.run(
        'UPDATE blobs SET state = ? WHERE digest = ? AND storage_key = ? AND state = ?',
        to,
        digest,
        storageKey,
        state,
      ),
    );
  }

  /** Takes bad bytes away from a manifest's row, which is then as one that is not here; the next push brings them. */
  async dropContent(id: number, digest: Digest, content: Uint8Array): Promise<boolean> {
    return this.#changes(() =>
      this.#statements.run(
        'UPDATE manifests SET content = NULL WHERE id = ? AND digest = ? AND content = ?',
        id,
        digest,
        content,
      ),
    );
  }

  /** Makes the rows of a manifest's references what its bytes say. What lost a holder by it is reviewed. */
  async remakeEdges(id: number, digest: Digest, { blobs, children }: References): Promise<boolean> {
    return this.#changes(() => {
      const row = this.#statements.get<{ repositoryId: number }>(
        'SELECT repository_id AS repositoryId FROM manifests WHERE id = ? AND digest = ?',
        id,
        digest,
      );
      if (!row) return 0;
      return (
        this.#remake('manifest_blobs', 'link', row.repositoryId, id, blobs) +
        this.#remake('manifest_children', 'manifest', row.repositoryId, id, children)
      );
    });
  }

  #remake(
    table: 'manifest_blobs' | 'manifest_children',
    kind: 'link' | 'manifest',
    repositoryId: number,
    id: number,
    digests: readonly Digest[],
  ): number {
    const wanted = JSON.stringify(digests);
    const removed = this.#statements.all<{ digest: string }>(
      `DELETE FROM ${table} WHERE manifest_id = ? AND digest NOT IN (SELECT value FROM json_each(?)) RETURNING digest`,
      id,
      wanted,
    );
    for (const { digest } of removed) review(this.#statements, kind, repositoryId, digest, Date.now());
    const added = this.#statements.run(
      `INSERT INTO ${table} (repository_id, digest, manifest_id) SELECT ?, value, ? FROM json_each(?)
       WHERE true ON CONFLICT DO NOTHING`,
      repositoryId,
      id,
      wanted,
    );
    return removed.length + added;
  }

  /** Links a repository to a blob that a manifest of its refers to. Nothing is done while the blob is not there. */
  async remakeLink(repository: string, digest: string): Promise<boolean> {
    const now = Date.now();
    return this.#changes(() =>
      this.#statements.run(
        `INSERT INTO links (repository_id, digest, lease_until, created_at)
         SELECT r.id, b.digest, ?3, ?4 FROM repositories r, blobs b
         WHERE r.name = ?1 AND b.digest = ?2 AND b.state <> 'condemned' ON CONFLICT DO NOTHING`,
        repository,
        digest,
        now + this.#retention.leaseMs,
        now,
      ),
    );
  }

  /** Names a file for the next run's sweep, if no row names it by now. A file of the trash has no such name. */
  async doomUnnamed(file: Exclude<FileName, { place: 'trash' }>): Promise<boolean> {
    return this.#changes(() => {
      if (isNamed(this.#statements, file)) return 0;
      doom(this.#statements, file.place, file.place === 'blob' ? file.key : file.id, Date.now());
      return 1;
    });
  }

  /** Takes the row of a file that the trash has lost: an undo would only look for it in vain. */
  async forgetTrashed(storageKey: string): Promise<boolean> {
    return this.#changes(() => forgetTrashed(this.#statements, storageKey));
  }

  /** Puts on the review list what was forgotten; the next run decides. */
  async remember({ kind, repositoryId, digest }: Forgotten): Promise<boolean> {
    return this.#changes(() => {
      review(this.#statements, kind, repositoryId, digest, Date.now());
      return 1;
    });
  }

  #changes(work: () => number): boolean {
    return this.#database.transaction(work).immediate() > 0;
  }
}
