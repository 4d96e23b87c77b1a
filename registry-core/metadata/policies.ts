import { matchesPattern } from '../../oci/repository-pattern.ts';
import { matchesAnyTag, subjectOfTag } from '../../oci/tag-pattern.ts';
import type { RetentionPolicy } from '../../runtime/retention-policies.ts';
import { pullCoarsenessMs } from './pulls.ts';
import type { Retention } from './review.ts';

/** The policy of a repository: the first whose pattern covers it counts, alone. */
export function policyOf(
  { policies = [] }: Pick<Retention, 'policies'>,
  repository: string,
): RetentionPolicy | undefined {
  return policies.find((policy) => matchesPattern(policy.repositories, repository));
}

/** How long a manifest of the repository is kept that nothing holds. */
export function untaggedMs(retention: Retention, repository: string): number {
  return policyOf(retention, repository)?.untaggedMs ?? retention.untaggedMs;
}

export function isProtected(retention: Retention, repository: string, tag: string): boolean {
  return matchesAnyTag(policyOf(retention, repository)?.protected ?? [], tag);
}

/** Without either of the two a policy only keeps. */
export function removesTags({ keepLast, unusedMs }: RetentionPolicy): boolean {
  return keepLast !== undefined || unusedMs !== undefined;
}

export interface TagTimes {
  updatedAt: number;
  pulledAt: number;
  /** Last pull by digest of the tag's manifest, or of one that it lists. */
  manifestPulledAt: number;
}

/**
 * Until when a tag counts as used. A pull may have happened up to `pullCoarsenessMs` after the time that was written
 * down for it.
 */
export function usedUntil({ updatedAt, pulledAt, manifestPulledAt }: TagTimes, unusedMs: number): number {
  const pulled = Math.max(pulledAt, manifestPulledAt);
  return Math.max(updatedAt, pulled === 0 ? 0 : pulled + pullCoarsenessMs) + unusedMs;
}

export interface TagSummary {
  name: string;
  updatedAt: number;
}

/**
 * Divides a repository's tags into those that a policy leaves to be removed, when they are unused for long enough
 * where it asks for that, and those that it keeps for being the last ones. Tags that refer to a manifest by their name
 * do not count among the last; they go after what they refer to.
 */
export function divideTags<Tag extends TagSummary>(
  tags: readonly Tag[],
  { keep, keepLast = 0, protected: fixed }: RetentionPolicy,
): { removable: Tag[]; kept: Tag[] } {
  const byPush = tags
    .filter(({ name }) => !matchesAnyTag(keep, name) && !matchesAnyTag(fixed, name))
    .sort((a, b) => b.updatedAt - a.updatedAt || (a.name < b.name ? 1 : -1));
  const plain = byPush.filter(({ name }) => subjectOfTag(name) === undefined);
  const referring = byPush.filter(({ name }) => subjectOfTag(name) !== undefined);
  return { removable: [...plain.slice(keepLast), ...referring], kept: plain.slice(0, keepLast) };
}
