import type { Pile, PlanItems, PlanPiles } from '../registry-core/metadata/inspection.ts';
import { formatDuration } from '../runtime/duration.ts';
import { timeText } from './time.ts';

/** What `gatehouse gc plan --json` prints. The names are an interface for scripts, times are RFC 3339. */
export interface PlanReport {
  at: string;
  /** What a run would take now. */
  goes: PlanSection;
  /** What goes by itself later, if nobody comes back to it. */
  waits: PlanSection;
  /** Repositories where nothing goes: a manifest there is of an unknown type. */
  in_doubt: string[];
  /** Whether the files of blobs go into the trash (gc.trash): their bytes are free only when they leave it. */
  into_trash: boolean;
}

export interface PlanSection {
  /** Bytes of the blobs, which is what a run frees of the rows' content. */
  bytes: number;
  tags: PlanPile;
  manifests: PlanPile;
  links: PlanPile;
  blobs: PlanPile;
  uploads: PlanPile;
  /** What earlier runs put into the trash, with the bytes of all of it. */
  trash: PlanPile & { bytes: number };
  files: PlanPile;
}

/** The first of them, and how many there are in all. */
export interface PlanPile {
  total: number;
  items: PlanEntry[];
}

export interface PlanEntry {
  /** `repository@digest`, a digest, an upload session of a repository, the key of a file. */
  what: string;
  bytes: number;
  /** The earliest time at which a run takes it. */
  due: string;
  reason: string;
}

export function planReport({ at, goes, waits, inDoubt, intoTrash }: PlanItems): PlanReport {
  return {
    at: timeText(at),
    goes: section(goes, at),
    waits: section(waits, at),
    in_doubt: inDoubt,
    into_trash: intoTrash,
  };
}

function section(
  { tags, manifests, links, blobs, sessions, trash, files }: PlanPiles,
  at: number,
): PlanSection {
  return {
    bytes: blobs.bytes,
    tags: pile(tags, (item) => ({
      what: `${item.repository}:${item.name}`,
      bytes: 0,
      due: timeText(at),
      reason: `by policy (gc.policies); pushed ${timeText(item.updatedAt)}, pulled ${item.pulledAt === 0 ? 'never' : timeText(item.pulledAt)}`,
    })),
    manifests: pile(manifests, (item) => ({ ...inRepository(item), reason: manifestReason(item, at) })),
    links: pile(links, (item) => ({ ...inRepository(item), reason: linkReason(item, at) })),
    blobs: pile(blobs, (item) => ({ ...sized(item.digest, item), reason: blobReason(item) })),
    uploads: pile(sessions, (item) => ({
      ...sized(`upload ${item.id} in ${item.repository}`, item),
      reason: `upload session of ${item.actor}, ${item.dueAt <= at ? 'expired' : 'open until'} ${timeText(item.dueAt)}`,
    })),
    trash: {
      ...pile(trash, (item) => ({
        ...sized(item.digest, item),
        reason: `in the trash since ${timeText(item.trashedAt)}, by run ${item.run}`,
      })),
      bytes: trash.bytes,
    },
    files: pile(files, ({ kind, key, doomedAt }) => ({
      what: key,
      bytes: 0,
      due: timeText(at),
      reason: `file of ${kind === 'upload' ? 'an upload that ended' : 'a blob that has another now'}, since ${timeText(doomedAt)}`,
    })),
  };
}

function pile<Item>({ total, items }: Pile<Item>, entry: (item: Item) => PlanEntry): PlanPile {
  return { total, items: items.map(entry) };
}

const sized = (what: string, { size, dueAt }: { size: number; dueAt: number }) => ({
  what,
  bytes: size,
  due: timeText(dueAt),
});

const inRepository = (item: { repository: string; digest: string; size: number; dueAt: number }) =>
  sized(`${item.repository}@${item.digest}`, item);

type Manifest = PlanPiles['manifests']['items'][number];

function manifestReason(item: Manifest, at: number): string {
  const causes: Record<Manifest['cause'], string> = {
    tag: `a policy takes its last tag; then policy ${formatDuration(item.untaggedMs)} for untagged`,
    untagged: `untagged since ${timeText(item.since)}, policy ${formatDuration(item.untaggedMs)}`,
    'released index': `part of the deleted index ${item.by}`,
    'released subject': `its subject ${item.by} is gone`,
    index: `part of the index ${item.by}, which goes`,
    subject: `its subject ${item.by} goes`,
  };
  return `${causes[item.cause]}; ${lease(item.leaseUntil, at)}`;
}

function linkReason({ by, leaseUntil }: PlanPiles['links']['items'][number], at: number): string {
  const cause = by ? `only manifests that go refer to it, the last is ${by}` : 'no manifest refers to it';
  return `${cause}; ${lease(leaseUntil, at)}`;
}

function blobReason({ state, condemnedBy, repository }: PlanPiles['blobs']['items'][number]): string {
  if (state === 'condemned') return `condemned by run ${condemnedBy}, its file is not removed yet`;
  return repository ? `the last link to it, in ${repository}, goes` : 'no repository links to it';
}

function lease(until: number, at: number): string {
  return `lease ${until <= at ? 'ended' : 'until'} ${timeText(until)}`;
}
