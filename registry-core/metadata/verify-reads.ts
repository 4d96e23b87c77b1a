import type { Digest } from '../../oci/digest.ts';
import type { Database } from '../../runtime/sqlite.ts';
import { digestOfKey } from '../storage/key.ts';
import { linkHolder, manifestHolders } from './holders.ts';
import type { Retention } from './review.ts';
import type { Statements } from './statements.ts';

/** A blob that has to have a file. Sizes are bytes. */
export interface CheckedBlob {
  digest: Digest;
  size: number;
  state: 'present' | 'damaged';
  storageKey: string;
}

/** A manifest's row, its bytes, and what the rows say that it refers to. */
export interface CheckedManifest {
  id: number;
  repository: string;
  digest: Digest;
  mediaType: string;
  kind: string;
  subject: string | null;
  size: number;
  /** null: they are not here. */
  content: Uint8Array | null;
  blobs: string[];
  children: string[];
  /** Blobs of its that the repository has no link to, or that are not there. */
  missing: { digest: string; isLinked: boolean; state: string | null }[];
  /** Manifests that it lists and the repository does not have. */
  missingChildren: string[];
}

type CheckedReferences = Pick<CheckedManifest, 'blobs' | 'children' | 'missing' | 'missingChildren'>;

/** A file that has to be in the trash of its day. */
export interface CheckedTrash {
  storageKey: string;
  digest: Digest;
  /** Bytes. */
  size: number;
  day: string;
  run: number;
}

/** What a file is called in the rows. */
export type FileName =
  | { place: 'blob'; key: string }
  | { place: 'upload'; id: string }
  | { place: 'trash'; key: string; day: string };

/** Something that nothing keeps and no entry of the review list names: no run would ever look at it. */
export interface Forgotten {
  kind: 'manifest' | 'link' | 'blob';
  repositoryId: number;
  repository: string | null;
  digest: string;
}

export class VerifyReads {
  readonly #database: Database;
  readonly #statements: Statements;
  readonly #retention: Retention;

  constructor(database: Database, statements: Statements, retention: Retention) {
    this.#database = database;
    this.#statements = statements;
    this.#retention = retention;
  }

  /** How much there is to look at. */
  async figures(): Promise<{ blobs: number; bytes: number; manifests: number }> {
    return this.#statements.get<{ blobs: number; bytes: number; manifests: number }>(
      `SELECT count(*) AS blobs, coalesce(sum(size), 0) AS bytes, (SELECT count(*) FROM manifests) AS manifests
       FROM blobs WHERE state IN ('present', 'damaged')`,
    )!;
  }

  /** In the order of their digests. */
  async blobs(after: string, limit: number): Promise<CheckedBlob[]> {
    return this.#statements.all(
      `SELECT ${blobColumns} FROM blobs WHERE digest > ? AND state IN ('present', 'damaged') ORDER BY digest LIMIT ?`,
      after,
      limit,
    );
  }

  /** As it is now; undefined when it needs no file any more. */
  async blob(digest: Digest): Promise<CheckedBlob | undefined> {
    return this.#statements.get(
      `SELECT ${blobColumns} FROM blobs WHERE digest = ? AND state IN ('present', 'damaged')`,
      digest,
    );
  }

  /** The next by their row ids, on one snapshot. */
  async manifests(after: number, limit: number): Promise<CheckedManifest[]> {
    const read = this.#database.transaction(() => {
      const rows = this.#statements.all<Omit<CheckedManifest, keyof CheckedReferences>>(
        `SELECT m.id, r.name AS repository, m.digest, m.media_type AS mediaType, m.kind, m.subject, m.size, m.content
         FROM manifests m JOIN repositories r ON r.id = m.repository_id
         WHERE m.id > ? ORDER BY m.id LIMIT ?`,
        after,
        limit,
      );
      return rows.map((row) => ({ ...row, ...this.#references(row.id) }));
    });
    return read.deferred();
  }

  #references(id: number): CheckedReferences {
    const digests = (table: string, where = '') =>
      this.#statements
        .all<{ digest: string }>(`SELECT digest FROM ${table} e WHERE manifest_id = ? ${where}`, id)
        .map(({ digest }) => digest);
    const missing = this.#statements.all<{ digest: string; isLinked: number; state: string | null }>(
      `SELECT e.digest, l.digest IS NOT NULL AS isLinked, b.state FROM manifest_blobs e
       LEFT JOIN links l ON l.repository_id = e.repository_id AND l.digest = e.digest
       LEFT JOIN blobs b ON b.digest = e.digest
       WHERE e.manifest_id = ? AND (l.digest IS NULL OR b.state IS NULL OR b.state = 'condemned')`,
      id,
    );
    return {
      blobs: digests('manifest_blobs'),
      children: digests('manifest_children'),
      missing: missing.map((row) => ({ ...row, isLinked: row.isLinked === 1 })),
      missingChildren: digests(
        'manifest_children',
        'AND NOT EXISTS (SELECT 1 FROM manifests WHERE repository_id = e.repository_id AND digest = e.digest)',
      ),
    };
  }

  /**
   * What the trash has to have, in the order of keys: what has stayed its time may be going just now, and of what was
   * pushed again the push may have removed the file before it came here.
   */
  async trashed(after: string, limit: number): Promise<CheckedTrash[]> {
    return this.#statements.all(
      `${trashQuery} AND storage_key > ? ORDER BY storage_key LIMIT ?`,
      this.#trashedSince(),
      after,
      limit,
    );
  }

  /** Whether the trash has to have it still. */
  async isTrashed(storageKey: string): Promise<boolean> {
    return isThere(this.#statements, `${trashQuery} AND storage_key = ?`, this.#trashedSince(), storageKey);
  }

  #trashedSince(): number {
    return Date.now() - (this.#retention.trashMs ?? 0);
  }

  /** Of these files those that no row names, on one snapshot. */
  async unnamed<File extends FileName>(files: readonly File[]): Promise<File[]> {
    const read = this.#database.transaction(() => files.filter((file) => !isNamed(this.#statements, file)));
    return read.deferred();
  }

  async forgotten(limit: number): Promise<Forgotten[]> {
    return forgottenQueries.flatMap((sql) => this.#statements.all<Forgotten>(`${sql} LIMIT ${limit}`));
  }

  /** What SQLite finds wrong with the database; `isQuick` leaves out whether indexes match their tables. */
  async faults(isQuick: boolean): Promise<string[]> {
    const check = isQuick ? 'quick_check' : 'integrity_check';
    const found = this.#database.pragma(`${check}(100)`) as Record<string, string>[];
    const foreign = this.#database.pragma('foreign_key_check') as {
      table: string;
      rowid: number | null;
      parent: string;
    }[];
    return [
      ...found.map((row) => row[check]!).filter((text) => text !== 'ok'),
      ...foreign.map(({ table, parent }) => `a row of ${table} refers to one of ${parent} that is not there`),
    ];
  }
}

/** A name in any of the tables counts: a file changes from one to the other in one transaction. */
export function isNamed(statements: Statements, file: FileName): boolean {
  if (file.place === 'upload') {
    return isThere(
      statements,
      `SELECT 1 FROM upload_sessions WHERE id = ?1
       UNION ALL SELECT 1 FROM blob_journal WHERE session = ?1
       UNION ALL SELECT 1 FROM doomed_keys WHERE kind = 'upload' AND storage_key = ?1`,
      file.id,
    );
  }
  if (file.place === 'trash') {
    return isThere(
      statements,
      'SELECT 1 FROM trashed_blobs WHERE storage_key = ?1 AND day = ?2',
      file.key,
      file.day,
    );
  }
  return isThere(
    statements,
    `SELECT 1 FROM blobs WHERE digest = ?2 AND storage_key = ?1
     UNION ALL SELECT 1 FROM doomed_keys WHERE kind = 'blob' AND storage_key = ?1
     UNION ALL SELECT 1 FROM trashed_blobs WHERE storage_key = ?1
     UNION ALL SELECT 1 FROM blob_journal WHERE storage_key = ?1
     UNION ALL SELECT 1 FROM upload_sessions WHERE state = 'closing' AND closing_key = ?1`,
    file.key,
    digestOfKey(file.key),
  );
}

function isThere(statements: Statements, sql: string, ...parameters: unknown[]): boolean {
  return statements.get(sql, ...parameters) !== undefined;
}

const trashQuery = `SELECT storage_key AS storageKey, digest, size, day, run FROM trashed_blobs t
  WHERE trashed_at > ? AND NOT EXISTS (SELECT 1 FROM blobs b WHERE b.digest = t.digest AND b.state = 'present')`;
const blobColumns = 'digest, size, state, storage_key AS storageKey';
const holders = manifestHolders();
const unreviewed = (kind: string, repositoryId: string, digest: string) =>
  `NOT EXISTS (SELECT 1 FROM review v WHERE v.kind = '${kind}' AND v.repository_id = ${repositoryId} AND v.digest = ${digest})`;

const forgottenQueries = [
  `SELECT 'manifest' AS kind, m.repository_id AS repositoryId, m.digest,
     (SELECT name FROM repositories WHERE id = m.repository_id) AS repository FROM manifests m
   WHERE ${unreviewed('manifest', 'm.repository_id', 'm.digest')}
     AND NOT (${holders.tag} OR ${holders.index} OR ${holders.subject})`,
  `SELECT 'link' AS kind, l.repository_id AS repositoryId, l.digest,
     (SELECT name FROM repositories WHERE id = l.repository_id) AS repository FROM links l
   WHERE ${unreviewed('link', 'l.repository_id', 'l.digest')} AND NOT ${linkHolder()}`,
  `SELECT 'blob' AS kind, 0 AS repositoryId, b.digest, NULL AS repository FROM blobs b
   WHERE b.state <> 'condemned' AND ${unreviewed('blob', '0', 'b.digest')}
     AND NOT EXISTS (SELECT 1 FROM links WHERE digest = b.digest)`,
];
