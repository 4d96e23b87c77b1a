import type { Retention } from './review.ts';
import type { Statements } from './statements.ts';

/** The run under way: there is one at a time, and its row comes first. */
const run = '(SELECT coalesce(max(id), 0) FROM gc_runs)';

/**
 * What a run takes away, written down in the very transaction that takes it away, so that `gatehouse gc undo` can
 * bring it back. To be called before the row goes. Without `gc.trash` nothing is written.
 */
export class TrashRecords {
  readonly #statements: Statements;
  readonly #isOn: boolean;

  constructor(statements: Statements, { trashMs = 0 }: Retention) {
    this.#statements = statements;
    this.#isOn = trashMs > 0;
  }

  /** @param id of the manifest's row. One without bytes (a mirror) is not worth keeping. */
  manifest(id: number, now: number): void {
    if (!this.#isOn) return;
    this.#statements.run(
      `INSERT INTO trashed_manifests (repository, digest, run, media_type, trashed_at, content)
       SELECT r.name, m.digest, ${run}, m.media_type, ?, m.content
       FROM manifests m JOIN repositories r ON r.id = m.repository_id WHERE m.id = ? AND m.content IS NOT NULL
       ON CONFLICT DO UPDATE SET trashed_at = excluded.trashed_at`,
      now,
      id,
    );
  }

  link(repositoryId: number, digest: string, now: number): void {
    if (!this.#isOn) return;
    this.#statements.run(
      `INSERT INTO trashed_links (run, repository, digest, trashed_at)
       SELECT ${run}, name, ?, ? FROM repositories WHERE id = ?
       ON CONFLICT DO UPDATE SET trashed_at = excluded.trashed_at`,
      digest,
      now,
      repositoryId,
    );
  }

  tag(repositoryId: number, name: string, now: number): void {
    if (!this.#isOn) return;
    this.#statements.run(
      `INSERT INTO trashed_tags (run, repository, name, digest, trashed_at)
       SELECT ${run}, r.name, t.name, t.digest, ?
       FROM tags t JOIN repositories r ON r.id = t.repository_id WHERE t.repository_id = ? AND t.name = ?
       ON CONFLICT DO UPDATE SET digest = excluded.digest, trashed_at = excluded.trashed_at`,
      now,
      repositoryId,
      name,
    );
  }
}
