import type { Reference } from '../../oci/reference.ts';
import { matchesAnyTag, subjectOfTag } from '../../oci/tag-pattern.ts';
import type { RetentionPolicy } from '../../runtime/retention-policies.ts';
import { divideTags, policyOf, removesTags, usedUntil } from './policies.ts';
import { flushMs, type Pull, Pulls } from './pulls.ts';
import type { Reads } from './reads.ts';
import type { ManifestRow, TagEnd } from './registry.ts';
import type { Retention } from './review.ts';

/** People hear of a removal that is nearer than this. */
const noticeMs = 7 * 86_400_000;

/** Tags of one repository, and repositories, that warnings are worth. */
const maxLookedAt = 5000;
const maxRepositories = 1000;

/** What the core knows of the use of tags: pulls, also those that wait to be written, and how long a tag lives by them. */
export class TagUse {
  readonly #reads: Reads;
  readonly #retention: Retention;
  readonly #pulls: Pulls;
  readonly #pushedOut = new Map<string, { at: number; tags: ReadonlySet<string> }>();

  constructor(reads: Reads, retention: Retention, write: (pulls: readonly Pull[]) => Promise<void>) {
    this.#reads = reads;
    this.#retention = retention;
    this.#pulls = new Pulls(write);
  }

  note(repository: string, reference: Reference, manifest: ManifestRow): void {
    const isNew = this.#pulls.note(repository, reference, manifest.pulledAt);
    const unusedMs = policyOf(this.#retention, repository)?.unusedMs;
    // A run that comes before the next flush would still take it.
    if (isNew && unusedMs !== undefined && usedUntil(manifest, unusedMs) <= Date.now() + flushMs)
      void this.flush();
  }

  flush(): Promise<void> {
    return this.#pulls.flush();
  }

  /** @see Registry.tagRemoval */
  tagRemoval(repository: string, tag: string, manifest: ManifestRow): TagEnd | undefined {
    const policy = policyOf(this.#retention, repository);
    if (!policy || !removesTags(policy) || subjectOfTag(tag) !== undefined) return undefined;
    if (matchesAnyTag(policy.keep, tag) || matchesAnyTag(policy.protected, tag)) return undefined;
    if (policy.keepLast && !this.#isPushedOut(repository, tag, policy)) return undefined;
    if (policy.unusedMs === undefined) return { at: undefined };
    const soon = Date.now() + noticeMs;
    const pulledAt = Math.max(manifest.pulledAt, this.#pulls.waitingSince(repository, { tag }));
    if (usedUntil({ ...manifest, pulledAt }, policy.unusedMs) > soon) return undefined;
    const childPulledAt = this.#reads.childPulledAt(repository, manifest.digest);
    const manifestPulledAt = Math.max(manifest.manifestPulledAt, childPulledAt);
    const at = usedUntil({ ...manifest, pulledAt, manifestPulledAt }, policy.unusedMs);
    return at > soon ? undefined : { at };
  }

  /** Whether it is not among the last N. Looked up at most once a minute for a repository: it is only a warning. */
  #isPushedOut(repository: string, tag: string, policy: RetentionPolicy): boolean {
    const now = Date.now();
    let known = this.#pushedOut.get(repository);
    if (!known || now - known.at > flushMs) {
      const tags = this.#reads.tagSummaries(repository, maxLookedAt + 1);
      // Of the others it would be a guess, and looking through them all would keep every request waiting.
      const removable = tags.length > maxLookedAt ? [] : divideTags(tags, policy).removable;
      known = { at: now, tags: new Set(removable.map(({ name }) => name)) };
      if (this.#pushedOut.size >= maxRepositories) this.#pushedOut.clear();
      this.#pushedOut.set(repository, known);
    }
    return known.tags.has(tag);
  }
}
