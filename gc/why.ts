import { digestAlgorithms, isDigest } from '../oci/digest.ts';
import { isRepository, isTag } from '../oci/reference.ts';
import type { Why, WhyPlace, WhyQuestion, WhyStep } from '../registry-core/metadata/inspection.ts';
import { timeText } from './time.ts';

/** What `gatehouse gc why --json` prints. The names are an interface for scripts, times are RFC 3339. */
export interface WhyReport {
  digest: string;
  /** The bytes, which go when no repository links to them any more; null for what is only a manifest. */
  blob: { bytes: number; state: string; condemned_by: number | null; earliest: string | null } | null;
  places: WhyPlaceReport[];
  /** Other repositories that hold the blob. */
  elsewhere: { repository: string; earliest: string | null }[];
  /** Whether there are further places, or further repositories. */
  more: boolean;
}

export interface WhyPlaceReport {
  repository: string;
  kind: 'manifest' | 'blob';
  bytes: number;
  /** The earliest time at which a run can take it, now if that has passed; null: not by itself. */
  earliest: string | null;
  /** Whether the next run takes it. */
  due: boolean;
  /** What keeps it, each from the keeper down to it; `more` when there are further ones. */
  chains: { steps: string[] }[];
  more: boolean;
}

/**
 * `repository@digest`, `repository:tag` or a digest.
 * @returns undefined when the text is none of these.
 */
export function parseQuestion(text: string): WhyQuestion | undefined {
  if (isDigest(text)) return { repository: undefined, reference: { digest: text } };
  const [, repository = '', digest = ''] = /^([^@]*)@(.*)$/.exec(text) ?? [];
  if (isRepository(repository) && isDigest(digest)) return { repository, reference: { digest } };
  const [, name = '', tag = ''] = /^([^:]*):([^:]*)$/.exec(text) ?? [];
  // What looks like a digest and is none was meant as one.
  if (digestAlgorithms.some((algorithm) => algorithm === name)) return undefined;
  if (isRepository(name) && isTag(tag)) return { repository: name, reference: { tag } };
  return undefined;
}

export function whyReport({ digest, blob, places, elsewhere, more }: Why, now: number): WhyReport {
  return {
    digest,
    blob: blob && {
      bytes: blob.size,
      state: blob.state,
      condemned_by: blob.state === 'condemned' ? blob.condemnedBy : null,
      earliest: earliest(blob.dueAt, now),
    },
    places: places.map((place) => placeReport(place, now)),
    elsewhere: elsewhere.map(({ repository, dueAt }) => ({ repository, earliest: earliest(dueAt, now) })),
    more,
  };
}

function placeReport({ repository, kind, size, dueAt, chains, more }: WhyPlace, now: number): WhyPlaceReport {
  return {
    repository,
    kind,
    bytes: size,
    earliest: earliest(dueAt, now),
    due: dueAt !== null && dueAt <= now,
    chains: chains.map((steps) => ({ steps: steps.map(stepText) })),
    more,
  };
}

function earliest(dueAt: number | null, now: number): string | null {
  return dueAt === null ? null : timeText(Math.max(dueAt, now));
}

function stepText(step: WhyStep): string {
  switch (step.kind) {
    case 'tag':
      return `tag ${step.name} (${by(step)}, ${timeText(step.at)}${step.isDue ? '; the next run deletes it by policy' : ''})`;
    case 'lease':
      return `lease until ${timeText(step.until)} (${leaseSource(step)})`;
    case 'untagged':
      return `gc.untagged until ${timeText(step.until)} (without a tag since ${timeText(step.since)})`;
    case 'unknown type':
      return `manifest ${step.digest} of a type that this Gatehouse does not know: nothing goes in its repository`;
    case 'blob':
      return `blob ${step.digest}`;
    default:
      return `${step.kind} ${step.digest} (${by(step)}, ${timeText(step.at)})`;
  }
}

function by({ actor, requestId }: { actor: string; requestId: string }): string {
  return `pushed by ${actor}, request ${requestId}`;
}

function leaseSource(step: WhyStep & { kind: 'lease' }): string {
  const at = timeText(step.renewedAt);
  if (step.by === 'request') return `a client asked for it, ${at}`;
  return `${step.by} by ${step.actor}, request ${step.requestId}, ${at}`;
}
