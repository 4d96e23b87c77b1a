import type { Digest } from '../../oci/digest.ts';
import type { Retention } from './review.ts';
import type { Statements } from './statements.ts';
import { type TrashOfRun, trashOfRun } from './trash-of-run.ts';

/** What the collector asks of the trash. Every method that writes is one transaction. */
export interface TrashStore {
  /** Whether swept blobs go into the trash (`gc.trash`). What is there goes in either case, in its time. */
  readonly isOn: boolean;
  /**
   * Writes down where the files of condemned blobs will be, before they move.
   * @returns those that are condemned still, with their places; a place that was written down before stays.
   */
  record(blobs: readonly { digest: string; storageKey: string }[]): Promise<TrashedBlob[]>;
  /** Files whose time in the trash is over, or all that are there; by time, those after `after`. */
  expired(all: boolean, after: TrashedBlob | undefined, limit: number): Promise<TrashedBlob[]>;
  /** Their number and bytes. */
  size(all: boolean): Promise<{ blobs: number; bytes: number }>;
  /** Deletes the rows of removed files; of one that a run may be moving just now the row stays. */
  forget(blobs: readonly TrashedBlob[]): Promise<void>;
  /** Deletes rows of manifests, links and tags whose time is over, some of each. @returns how many; 0 at the end. */
  trim(): Promise<number>;

  /** What a run took away; undefined when there was no such run. */
  ofRun(run: number): Promise<TrashOfRun | undefined>;
  /** The manifest that the last run with it took away. */
  manifest(repository: string, digest: Digest): Promise<TrashedManifest | undefined>;
  /** Files with these bytes, the newest first. */
  blobs(digest: Digest): Promise<TrashedBlob[]>;
}

/** A file in the trash. */
export interface TrashedBlob {
  storageKey: string;
  digest: Digest;
  /** In bytes. */
  size: number;
  /** `2026-11-21` */
  day: string;
  trashedAt: number;
}

export interface TrashedManifest {
  mediaType: string;
  content: Uint8Array;
}

const columns = 'storage_key AS storageKey, digest, size, day, trashed_at AS trashedAt';

export function openTrash(
  statements: Statements,
  { trashMs = 0 }: Retention,
  transaction: <Result>(work: () => Result) => Result,
  now: () => number,
): TrashStore {
  const before = (all: boolean) => (all || trashMs === 0 ? Number.MAX_SAFE_INTEGER : now() - trashMs);
  return {
    isOn: trashMs > 0,
    record: async (blobs) => transaction(() => record(statements, blobs, now())),
    expired: async (all, after, limit) =>
      statements.all(
        `SELECT ${columns} FROM trashed_blobs WHERE trashed_at <= ? AND (trashed_at, storage_key) > (?, ?)
         ORDER BY trashed_at, storage_key LIMIT ?`,
        before(all),
        after?.trashedAt ?? 0,
        after?.storageKey ?? '',
        limit,
      ),
    size: async (all) =>
      statements.get<{ blobs: number; bytes: number }>(
        'SELECT count(*) AS blobs, coalesce(sum(size), 0) AS bytes FROM trashed_blobs WHERE trashed_at <= ?',
        before(all),
      )!,
    forget: async (blobs) =>
      transaction(() => {
        for (const { storageKey } of blobs) forgetTrashed(statements, storageKey);
      }),
    trim: async () => transaction(() => trim(statements, before(false))),
    ofRun: async (run) => trashOfRun(statements, run),
    manifest: async (repository, digest) =>
      statements.get(
        `SELECT media_type AS mediaType, content FROM trashed_manifests
         WHERE repository = ? AND digest = ? ORDER BY run DESC LIMIT 1`,
        repository,
        digest,
      ),
    blobs: async (digest) =>
      statements.all(
        `SELECT ${columns} FROM trashed_blobs WHERE digest = ? ORDER BY trashed_at DESC`,
        digest,
      ),
  };
}

/** A push that revived a digest meanwhile has given it another key, and doomed this one: that is not among them. */
function record(
  statements: Statements,
  blobs: readonly { digest: string; storageKey: string }[],
  now: number,
): TrashedBlob[] {
  const day = new Date(now).toISOString().slice(0, 10);
  return blobs.flatMap(({ digest, storageKey }) => {
    statements.run(
      `INSERT INTO trashed_blobs (storage_key, digest, size, day, run, trashed_at)
       SELECT storage_key, digest, size, ?, (SELECT coalesce(max(id), 0) FROM gc_runs), ? FROM blobs
       WHERE digest = ? AND storage_key = ? AND state = 'condemned' ON CONFLICT DO NOTHING`,
      day,
      now,
      digest,
      storageKey,
    );
    return statements.all<TrashedBlob>(
      `SELECT ${columns} FROM trashed_blobs WHERE storage_key = ?1
       AND EXISTS (SELECT 1 FROM blobs WHERE digest = ?2 AND storage_key = ?1 AND state = 'condemned')`,
      storageKey,
      digest,
    );
  });
}

/** A key that still names a file elsewhere: a collector that saw it condemned may be about to move that file. */
export function forgetTrashed(statements: Statements, storageKey: string): number {
  return statements.run(
    `DELETE FROM trashed_blobs WHERE storage_key = ?1
     AND NOT EXISTS (SELECT 1 FROM blobs b WHERE b.digest = trashed_blobs.digest AND b.storage_key = ?1)
     AND NOT EXISTS (SELECT 1 FROM doomed_keys WHERE kind = 'blob' AND storage_key = ?1)`,
    storageKey,
  );
}

/** A writer of another process waits for each batch; a manifest may have 4 MiB. */
const trimmed = [
  { table: 'trashed_manifests', key: 'id', limit: 20 },
  { table: 'trashed_links', key: 'run, repository, digest', limit: 500 },
  { table: 'trashed_tags', key: 'run, repository, name', limit: 500 },
];

function trim(statements: Statements, before: number): number {
  let count = 0;
  for (const { table, key, limit } of trimmed) {
    count += statements.run(
      `DELETE FROM ${table} WHERE (${key}) IN
         (SELECT ${key} FROM ${table} WHERE trashed_at <= ? ORDER BY trashed_at LIMIT ?)`,
      before,
      limit,
    );
  }
  return count;
}
