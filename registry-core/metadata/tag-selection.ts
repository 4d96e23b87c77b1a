import { subjectOfTag } from '../../oci/tag-pattern.ts';
import type { RetentionPolicy } from '../../runtime/retention-policies.ts';
import { repositoryInDoubt } from './holders.ts';
import { divideTags, policyOf, removesTags, type TagTimes, untaggedMs, usedUntil } from './policies.ts';
import type { Retention } from './review.ts';
import type { Statements } from './statements.ts';

/** What a policy takes from one repository, as it was seen. */
export interface TagRemoval {
  repositoryId: number;
  repository: string;
  tags: SeenTag[];
  /** Those that stay for being the last ones pushed. */
  kept: readonly string[];
  /** It has a manifest of an unknown type: nothing is removed there. */
  inDoubt: boolean;
}

/** A tag that goes only while all of this is still so. */
export interface SeenTag extends TagTimes {
  name: string;
  digest: string;
}

/** Last pull by digest of the manifest `m`, or of one that it lists: containerd pulls platforms, not indexes. */
export const manifestPulledAt = `max(m.pulled_at, coalesce((SELECT max(c.pulled_at) FROM manifest_children e
  JOIN manifests c ON c.repository_id = e.repository_id AND c.digest = e.digest WHERE e.manifest_id = m.id), 0))`;

const pageOfRepositories = 200;

/** Which tags the policies remove: decided here alone, for runs and for plans. `tag-removal.ts` removes them. */
export class TagSelection {
  readonly #statements: Statements;
  readonly #retention: Retention;

  constructor(statements: Statements, retention: Retention) {
    this.#statements = statements;
    this.#retention = retention;
  }

  /** Every removal that is due, in the order of names. It costs a look at each tag that a policy may remove. */
  *due(now: number): Generator<TagRemoval> {
    for (let after = ''; ; ) {
      const found = this.next(after, now, Number.POSITIVE_INFINITY);
      if (found?.removal === undefined) return;
      yield found.removal;
      after = found.after;
    }
  }

  /**
   * Looks for the first repository after `after` of which a tag goes, for about `budgetMs`.
   * @returns where to go on, with or without a finding; undefined at the end.
   */
  next(after: string, now: number, budgetMs: number): { after: string; removal?: TagRemoval } | undefined {
    if (!this.#retention.policies?.some(removesTags)) return undefined;
    const deadline = performance.now() + budgetMs;
    for (let last = after; ; ) {
      const page = this.#statements.all<{ id: number; name: string }>(
        `SELECT id, name FROM repositories WHERE name > ? ORDER BY name LIMIT ${pageOfRepositories}`,
        last,
      );
      if (page.length === 0) return undefined;
      for (const { id, name } of page) {
        last = name;
        const policy = policyOf(this.#retention, name);
        const removal = policy && removesTags(policy) && this.#ofRepository(id, name, policy, now);
        if (removal) return { after: last, removal };
        if (performance.now() > deadline) return { after: last };
      }
    }
  }

  #ofRepository(
    repositoryId: number,
    repository: string,
    policy: RetentionPolicy,
    now: number,
  ): TagRemoval | undefined {
    const { unusedMs } = policy;
    const all = this.#statements.all<SeenTag>(
      `SELECT name, digest, updated_at AS updatedAt, pulled_at AS pulledAt, 0 AS manifestPulledAt
       FROM tags WHERE repository_id = ?`,
      repositoryId,
    );
    const { removable, kept } = divideTags(all, policy);
    const isDue = (tag: SeenTag) => unusedMs === undefined || usedUntil(tag, unusedMs) <= now;
    const restMs = untaggedMs(this.#retention, repository);
    const isOrphaned = ({ name, updatedAt }: SeenTag) =>
      updatedAt + restMs <= now && !hasSubject(this.#statements, repositoryId, name);
    const tags = removable
      .filter((tag) => isDue(tag) && (subjectOfTag(tag.name) === undefined || isOrphaned(tag)))
      .map((tag) => ({ ...tag, manifestPulledAt: this.#manifestPulledAt(repositoryId, tag.digest) }))
      .filter(isDue);
    if (tags.length === 0) return undefined;
    const inDoubt = this.#isInDoubt(repositoryId);
    return { repositoryId, repository, tags, kept: kept.map(({ name }) => name), inDoubt };
  }

  /** The manifest may have gone since the tag was read, and the tag with it: then nothing will be removed. */
  #manifestPulledAt(repositoryId: number, digest: string): number {
    const row = this.#statements.get<{ pulledAt: number }>(
      `SELECT ${manifestPulledAt} AS pulledAt FROM manifests m WHERE repository_id = ? AND digest = ?`,
      repositoryId,
      digest,
    );
    return row?.pulledAt ?? 0;
  }

  #isInDoubt(repositoryId: number): boolean {
    return (
      this.#statements.get<{ inDoubt: number }>(`SELECT ${repositoryInDoubt('?')} AS inDoubt`, repositoryId)!
        .inDoubt === 1
    );
  }
}

/** Whether the repository has what the tag's name says that it refers to. */
export function hasSubject(statements: Statements, repositoryId: number, tag: string): boolean {
  const start = subjectOfTag(tag);
  if (start === undefined) return false;
  const found = statements.get(
    'SELECT 1 FROM manifests WHERE repository_id = ? AND digest >= ? AND digest < ? LIMIT 1',
    repositoryId,
    start,
    `${start}g`,
  );
  return found !== undefined;
}
