import { blobs, files, links, manifests, type Source, sessions, tags, trashSource } from './plan-sources.ts';
import type { Retention } from './review.ts';
import type { Statements } from './statements.ts';

/** What goes now and what waits, of everything that a plan at infinity takes. Times are ms since 1970, sizes bytes. */
export interface PlanItems {
  at: number;
  goes: PlanPiles;
  waits: PlanPiles;
  /** Repositories where nothing goes, since a manifest there is of a type that this Gatehouse does not know. */
  inDoubt: string[];
  /** Whether the files of blobs go into the trash (`gc.trash`). */
  intoTrash: boolean;
}

export interface PlanPiles {
  /** By policy, as things are now: those that go later depend on who pulls them until then. */
  tags: Pile<PlannedTag>;
  manifests: Pile<PlannedManifest>;
  links: Pile<PlannedLink>;
  /** `bytes` of all of them. */
  blobs: Pile<PlannedBlob> & { bytes: number };
  sessions: Pile<PlannedSession>;
  /** What earlier runs put into the trash; `bytes` of all of it. */
  trash: Pile<PlannedTrash> & { bytes: number };
  files: Pile<PlannedFile>;
}

/** The earliest `limit` items, and the number of all. */
export interface Pile<Item> {
  total: number;
  items: Item[];
}

export interface PlannedTag {
  repository: string;
  name: string;
  digest: string;
  updatedAt: number;
  /** Last pull by this tag; 0 never. */
  pulledAt: number;
}

export interface PlannedManifest {
  repository: string;
  digest: string;
  size: number;
  dueAt: number;
  leaseUntil: number;
  /** How long the repository keeps what nothing holds. */
  untaggedMs: number;
  /** tag: a policy takes its last tag. untagged: nothing holds it since `since`. released: `by` is removed already. index, subject: `by` goes first. */
  cause: 'tag' | 'untagged' | 'released index' | 'released subject' | 'index' | 'subject';
  since: number;
  by: string | null;
}

export interface PlannedLink {
  repository: string;
  digest: string;
  size: number;
  dueAt: number;
  leaseUntil: number;
  /** The manifest that goes last of those that refer to it; null when none does. */
  by: string | null;
}

export interface PlannedBlob {
  digest: string;
  size: number;
  dueAt: number;
  state: 'present' | 'absent' | 'damaged' | 'condemned';
  /** The run that condemned it. */
  condemnedBy: number | null;
  /** The repository whose link goes last; null when none links to it. */
  repository: string | null;
}

export interface PlannedSession {
  id: string;
  repository: string;
  size: number;
  dueAt: number;
  actor: string;
}

export interface PlannedTrash {
  digest: string;
  size: number;
  dueAt: number;
  trashedAt: number;
  /** The run that put it there. */
  run: number;
}

export interface PlannedFile {
  kind: 'blob' | 'upload';
  key: string;
  doomedAt: number;
}

/** Reads the temporary tables of `onPlan` at infinity. @param limit of each list. */
export function planItems(
  statements: Statements,
  { trashMs = 0 }: Retention,
  at: number,
  limit: number,
): PlanItems {
  const trash = trashSource(trashMs);
  const piles = (when: 'goes' | 'waits'): PlanPiles => ({
    tags: pile(statements, tags, when, at, limit),
    manifests: pile(statements, manifests, when, at, limit),
    links: pile(statements, links, when, at, limit),
    blobs: {
      ...pile<PlannedBlob>(statements, blobs, when, at, limit),
      bytes: blobBytes(statements, when, at),
    },
    sessions: pile(statements, sessions, when, at, limit),
    trash: {
      ...pile<PlannedTrash>(statements, trash, when, at, limit),
      bytes: trashBytes(statements, trash, when, at),
    },
    files: pile(statements, files, when, at, limit),
  });
  const inDoubt = statements.all<{ name: string }>(
    `SELECT DISTINCT name FROM manifests m JOIN repositories r ON r.id = m.repository_id
     WHERE m.kind NOT IN ('image', 'index', 'artifact') ORDER BY name`,
  );
  return {
    at,
    goes: piles('goes'),
    waits: piles('waits'),
    inDoubt: inDoubt.map(({ name }) => name),
    intoTrash: trashMs > 0,
  };
}

/** Only what is listed is joined with the rest of the store. */
function pile<Item>(
  statements: Statements,
  { table, due, order = due, joins, columns }: Source,
  when: 'goes' | 'waits',
  at: number,
  limit: number,
): Pile<Item> {
  const where = `${due} ${comparison[when]} ?`;
  const { total } = statements.get<{ total: number }>(
    `SELECT count(*) AS total FROM ${table} WHERE ${where}`,
    at,
  )!;
  const items = statements.all<Item>(
    `SELECT ${columns} FROM (SELECT * FROM ${table} WHERE ${where} ORDER BY ${order} LIMIT ?) g ${joins}
     ORDER BY g.${order}`,
    at,
    limit,
  );
  return { total, items };
}

const comparison = { goes: '<=', waits: '>' };

function blobBytes(statements: Statements, when: 'goes' | 'waits', at: number): number {
  return statements.get<{ bytes: number }>(
    `SELECT coalesce(sum(iif(b.storage_key IS NULL, 0, b.size)), 0) AS bytes
     FROM gone_blobs g CROSS JOIN blobs b USING (digest) WHERE g.due_at ${comparison[when]} ?`,
    at,
  )!.bytes;
}

function trashBytes(
  statements: Statements,
  { table, due }: Source,
  when: 'goes' | 'waits',
  at: number,
): number {
  return statements.get<{ bytes: number }>(
    `SELECT coalesce(sum(size), 0) AS bytes FROM ${table} WHERE ${due} ${comparison[when]} ?`,
    at,
  )!.bytes;
}
