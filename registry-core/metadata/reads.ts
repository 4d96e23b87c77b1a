import type { Statement } from 'better-sqlite3';
import type { Digest } from '../../oci/digest.ts';
import type { Reference } from '../../oci/reference.ts';
import { matcherOf } from '../../oci/repository-pattern.ts';
import type { Database } from '../../runtime/sqlite.ts';
import { type JournalEntry, journalEnd, journalEntries, journaledContent } from './journal.ts';
import type {
  BlobRow,
  ManifestRow,
  PageRequest,
  ReferrerRow,
  ReferrersPage,
  ReferrersRequest,
  SessionRow,
} from './registry.ts';
import { Statements } from './statements.ts';

/** Point reads and lists, on the event loop's own connection: a point read takes microseconds. */
export class Reads {
  readonly #statements: Statements;
  readonly #version: Statement<[], number>;
  #isReadable: (repository: string) => boolean = () => false;

  constructor(database: Database) {
    this.#statements = new Statements(database);
    this.#version = database.prepare<[], number>('PRAGMA data_version').pluck();
    // Set for the one statement that asks it: thousands of patterns are not to go through SQLite for each name.
    database.function('is_readable', (name) => (this.#isReadable(name as string) ? 1 : 0));
  }

  /** Another value after every commit of another connection; this one writes nothing. 3 µs. */
  version(): number {
    return this.#version.get()!;
  }

  blob(repository: string, digest: Digest): (BlobRow & { leaseUntil: number }) | undefined {
    return this.#statements.get(
      `SELECT b.digest, b.size, b.state, b.storage_key AS storageKey, l.lease_until AS leaseUntil
       FROM repositories r JOIN links l ON l.repository_id = r.id JOIN blobs b ON b.digest = l.digest
       WHERE r.name = ? AND l.digest = ?`,
      repository,
      digest,
    );
  }

  storedBlob(digest: Digest): BlobRow | undefined {
    return this.#statements.get(
      'SELECT digest, size, state, storage_key AS storageKey FROM blobs WHERE digest = ?',
      digest,
    );
  }

  session(repository: string, id: string): SessionRow | undefined {
    return this.#statements.get(`${sessionColumns} WHERE s.id = ? AND r.name = ?`, id, repository);
  }

  closingSessions(): SessionRow[] {
    return this.#statements.all(`${sessionColumns} WHERE s.state = 'closing'`);
  }

  journal(after: number, limit: number): JournalEntry[] {
    return journalEntries(this.#statements, after, limit);
  }

  journalEnd(): number {
    return journalEnd(this.#statements);
  }

  journaledContent(key: string): Uint8Array | undefined {
    return journaledContent(this.#statements, key);
  }

  countSessions(): number {
    return this.#statements.get<{ sessions: number }>('SELECT count(*) AS sessions FROM upload_sessions')!
      .sessions;
  }

  manifest(repository: string, reference: Reference): (ManifestRow & { leaseUntil: number }) | undefined {
    const columns = `m.digest, m.media_type AS mediaType, m.size, m.content, m.lease_until AS leaseUntil,
      m.pulled_at AS manifestPulledAt`;
    if ('digest' in reference) {
      return this.#statements.get(
        `SELECT ${columns}, m.pushed_at AS updatedAt, m.pulled_at AS pulledAt
         FROM repositories r JOIN manifests m ON m.repository_id = r.id
         WHERE r.name = ? AND m.digest = ? AND m.content IS NOT NULL`,
        repository,
        reference.digest,
      );
    }
    return this.#statements.get(
      `SELECT ${columns}, t.updated_at AS updatedAt, t.pulled_at AS pulledAt
       FROM repositories r JOIN tags t ON t.repository_id = r.id
       JOIN manifests m ON m.repository_id = r.id AND m.digest = t.digest
       WHERE r.name = ? AND t.name = ? AND m.content IS NOT NULL`,
      repository,
      reference.tag,
    );
  }

  /** Names and push times of a repository's tags, at most `limit`. */
  tagSummaries(repository: string, limit: number): { name: string; updatedAt: number }[] {
    return this.#statements.all(
      `SELECT name, updated_at AS updatedAt FROM tags
       WHERE repository_id = (SELECT id FROM repositories WHERE name = ?) LIMIT ?`,
      repository,
      limit,
    );
  }

  /** Last pull by digest of one of the manifests that a manifest lists. */
  childPulledAt(repository: string, digest: Digest): number {
    const row = this.#statements.get<{ pulledAt: number | null }>(
      `SELECT max(c.pulled_at) AS pulledAt FROM repositories r
       JOIN manifests m ON m.repository_id = r.id JOIN manifest_children e ON e.manifest_id = m.id
       JOIN manifests c ON c.repository_id = e.repository_id AND c.digest = e.digest
       WHERE r.name = ? AND m.digest = ?`,
      repository,
      digest,
    );
    return row?.pulledAt ?? 0;
  }

  repositoryExists(repository: string): boolean {
    const row = this.#statements.get(
      `SELECT 1 FROM repositories r WHERE name = ?
       AND (EXISTS (SELECT 1 FROM manifests WHERE repository_id = r.id)
         OR EXISTS (SELECT 1 FROM links WHERE repository_id = r.id))`,
      repository,
    );
    return row !== undefined;
  }

  tags(repository: string, { limit, last }: PageRequest): string[] {
    return this.#statements.column<string>(
      `SELECT t.name FROM repositories r JOIN tags t ON t.repository_id = r.id
       WHERE r.name = ? AND t.name > ? ORDER BY t.name LIMIT ?`,
      repository,
      last ?? '',
      limit,
    );
  }

  /** Repositories with at least one manifest: a repository that was emptied leaves the catalog at once. */
  catalog(readable: readonly string[], { limit, last }: PageRequest): string[] {
    this.#isReadable = matcherOf(readable);
    return this.#statements.column<string>(
      `SELECT name FROM repositories r WHERE name > ? AND is_readable(name)
       AND EXISTS (SELECT 1 FROM manifests WHERE repository_id = r.id) ORDER BY name LIMIT ?`,
      last ?? '',
      limit,
    );
  }

  search(readable: readonly string[], text: string, limit: number): string[] {
    this.#isReadable = matcherOf(readable);
    return this.#statements.column<string>(
      `SELECT name FROM repositories r WHERE instr(name, ?) AND is_readable(name)
       AND EXISTS (SELECT 1 FROM manifests WHERE repository_id = r.id) ORDER BY name <> ?, name LIMIT ?`,
      text,
      text,
      limit,
    );
  }

  /** A page ends where its annotations, which may be megabytes each, reach `maxBytes`; it has one entry at least. */
  referrers(repository: string, subject: Digest, request: ReferrersRequest): ReferrersPage {
    const rows = this.#statements.iterate<ReferrerRow>(
      `SELECT m.digest, m.media_type AS mediaType, m.size, m.artifact_type AS artifactType, m.annotations
       FROM repositories r JOIN manifests m ON m.repository_id = r.id
       WHERE r.name = ?1 AND m.subject = ?2 AND m.digest > ?3 AND (?4 IS NULL OR m.artifact_type = ?4)
       ORDER BY m.digest`,
      repository,
      subject,
      request.last ?? '',
      request.artifactType ?? null,
    );
    const page: ReferrersPage = { referrers: [], more: false };
    let bytes = 0;
    for (const row of rows) {
      bytes += Buffer.byteLength(row.annotations ?? '');
      const { length } = page.referrers;
      page.more = length >= request.limit || (length > 0 && bytes > request.maxBytes);
      if (page.more) break;
      page.referrers.push(row);
    }
    return page;
  }
}

const sessionColumns = `SELECT s.id, r.name AS repository, s.state, s.algorithm, s.offset,
  s.closing_digest AS closingDigest, s.closing_key AS closingKey, s.actor
  FROM upload_sessions s JOIN repositories r ON r.id = s.repository_id`;
