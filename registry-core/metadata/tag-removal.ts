import { collector, recordEvent } from './events.ts';
import { untagManifest } from './manifest-removal.ts';
import { untaggedMs } from './policies.ts';
import type { Retention } from './review.ts';
import type { Statements } from './statements.ts';
import { hasSubject, manifestPulledAt, type SeenTag, type TagRemoval } from './tag-selection.ts';
import { TrashRecords } from './trash.ts';

/** Removes tags that policies give up, as `tag-selection.ts` has found them. */
export class TagRemover {
  readonly #statements: Statements;
  readonly #retention: Retention;
  readonly #trash: TrashRecords;

  constructor(statements: Statements, retention: Retention) {
    this.#statements = statements;
    this.#retention = retention;
    this.#trash = new TrashRecords(statements, retention);
  }

  /**
   * The body of one transaction of at most `budgetMs`. A tag that was pushed, moved or pulled meanwhile stays, and
   * when one of those is gone that were kept instead, all stay: the next run counts again.
   * @returns how many went, and those that were not looked at.
   */
  remove(removal: TagRemoval, now: number, budgetMs: number): { removed: number; left: SeenTag[] } {
    const deadline = performance.now() + budgetMs;
    const { tags } = removal;
    if (!this.#areThere(removal)) return { removed: 0, left: [] };
    let [looked, removed] = [0, 0];
    for (const tag of tags) {
      if (looked > 0 && performance.now() > deadline) break;
      looked++;
      if (this.#removeTag(removal, tag, now)) removed++;
    }
    return { removed, left: tags.slice(looked) };
  }

  #areThere({ repositoryId, kept }: TagRemoval): boolean {
    // CROSS: the few names first, then each by its key; the planner would rather go through all tags.
    const { count } = this.#statements.get<{ count: number }>(
      'SELECT count(*) AS count FROM json_each(?2) k CROSS JOIN tags t ON t.repository_id = ?1 AND t.name = k.value',
      repositoryId,
      JSON.stringify(kept),
    )!;
    return count === kept.length;
  }

  #removeTag({ repositoryId, repository }: TagRemoval, tag: SeenTag, now: number): boolean {
    const { name, digest, updatedAt, pulledAt } = tag;
    const still = this.#statements.get(
      `SELECT 1 FROM tags t JOIN manifests m ON m.repository_id = t.repository_id AND m.digest = t.digest
       WHERE t.repository_id = ? AND t.name = ? AND t.digest = ? AND t.updated_at = ? AND t.pulled_at = ?
         AND ${manifestPulledAt} = ?`,
      ...[repositoryId, name, digest, updatedAt, pulledAt, tag.manifestPulledAt],
    );
    if (!still || hasSubject(this.#statements, repositoryId, name)) return false;
    this.#trash.tag(repositoryId, name, now);
    this.#statements.run('DELETE FROM tags WHERE repository_id = ? AND name = ?', repositoryId, name);
    untagManifest(this.#statements, repositoryId, digest, now, untaggedMs(this.#retention, repository));
    recordEvent(this.#statements, { at: now, kind: 'tag.delete', repository, digest, tag: name }, collector);
    return true;
  }
}
