import type { Digest } from '../../oci/digest.ts';
import { OciError } from '../../oci/errors.ts';
import { matchesAny } from '../../oci/repository-pattern.ts';
import type { RequestContext } from '../../runtime/request-context.ts';
import { recordEvent } from './events.ts';
import { held } from './held.ts';
import type { CommitBlob, Held, MountRequest } from './registry.ts';
import { ensureRepository, repositoryId } from './repositories.ts';
import { doom, type Retention, review } from './review.ts';
import type { Statements } from './statements.ts';

/** Writes about blobs and links. Each method is the body of one transaction of the writer thread. */
export class BlobWrites {
  readonly #statements: Statements;
  readonly #retention: Retention;

  constructor(statements: Statements, retention: Retention) {
    this.#statements = statements;
    this.#retention = retention;
  }

  /**
   * Renews the lease of a link; the row count is the answer, whatever was read before. Never shortens it.
   * @returns false when the repository has no such blob (any more).
   */
  renewLink(repository: string, digest: Digest): boolean {
    const changed = this.#statements.run(
      `UPDATE links SET lease_until = max(lease_until, ?3)
       WHERE repository_id = (SELECT id FROM repositories WHERE name = ?1) AND digest = ?2
         AND EXISTS (SELECT 1 FROM blobs WHERE digest = ?2 AND state IN ('present', 'absent'))`,
      repository,
      digest,
      Date.now() + this.#retention.leaseMs,
    );
    return changed === 1;
  }

  markDamaged(digest: Digest, key: string): boolean {
    const changed = this.#statements.run(
      `UPDATE blobs SET state = 'damaged' WHERE digest = ? AND storage_key = ? AND state = 'present'`,
      digest,
      key,
    );
    return changed === 1;
  }

  mountBlob({ repository, digest, from, readable }: MountRequest, context: RequestContext): boolean {
    const source =
      from === undefined ? this.#anySource(digest, readable) : repositoryId(this.#statements, from);
    if (source === undefined) return false;
    const now = Date.now();
    const blob = this.#statements.get(
      `SELECT 1 FROM links JOIN blobs USING (digest)
       WHERE repository_id = ? AND digest = ? AND state IN ('present', 'absent')`,
      source,
      digest,
    );
    if (!blob) return false;
    this.#link(ensureRepository(this.#statements, repository, now), digest, now);
    recordEvent(this.#statements, { at: now, kind: 'blob.mount', repository, digest }, context);
    return true;
  }

  /** A repository that the caller may read and that has the blob. */
  #anySource(digest: Digest, readable: readonly string[]): number | undefined {
    const candidates = this.#statements.all<{ id: number; name: string }>(
      'SELECT id, name FROM links JOIN repositories ON id = repository_id WHERE digest = ? LIMIT 1000',
      digest,
    );
    return candidates.find(({ name }) => matchesAny(readable, name))?.id;
  }

  commitBlob({ session, digest, size, key, brokenKey }: CommitBlob): { displaced: string | undefined } {
    const now = Date.now();
    const row = this.#statements.get<SessionOwner>(
      `DELETE FROM upload_sessions WHERE id = ? AND state = 'closing' AND closing_key = ?
       RETURNING repository_id AS repositoryId, actor, request_id AS requestId, client_address AS clientAddress,
         (SELECT name FROM repositories WHERE id = repository_id) AS repository`,
      session,
      key,
    );
    if (!row) throw new OciError('BLOB_UPLOAD_UNKNOWN', { message: 'the upload session expired meanwhile' });
    const { repository } = row;
    const { displaced, revived } = this.#store(digest, size, key, brokenKey, now);
    this.#link(row.repositoryId, digest, now);
    recordEvent(this.#statements, { at: now, kind: 'blob.push', repository, digest }, row);
    // A collection was about to remove it, or its bytes were bad: nobody could read it until now.
    if (revived) recordEvent(this.#statements, { at: now, kind: 'blob.revive', repository, digest }, row);
    return { displaced };
  }

  /**
   * Decides which key is the blob from now on, and dooms the other. A key that came after the old one was looked at
   * has whole bytes; to displace it would send a pull that was just given its name to a third.
   */
  #store(
    digest: Digest,
    size: number,
    key: string,
    brokenKey: string | undefined,
    now: number,
  ): { displaced: string | undefined; revived: boolean } {
    const old = this.#statements.get<{ state: string; storageKey: string | null }>(
      'SELECT state, storage_key AS storageKey FROM blobs WHERE digest = ?',
      digest,
    );
    if (old?.state === 'present' && old.storageKey !== brokenKey) {
      doom(this.#statements, 'blob', key, now);
      return { displaced: key, revived: false };
    }
    this.#statements.run(
      `INSERT INTO blobs (digest, size, state, storage_key, created_at) VALUES (?, ?, 'present', ?, ?)
       ON CONFLICT (digest) DO UPDATE
         SET size = excluded.size, state = 'present', storage_key = excluded.storage_key`,
      digest,
      size,
      key,
      now,
    );
    const displaced = old?.storageKey ?? undefined;
    if (displaced !== undefined) doom(this.#statements, 'blob', displaced, now);
    return { displaced, revived: old?.state === 'condemned' || old?.state === 'damaged' };
  }

  deleteBlob(repository: string, digest: Digest, context: RequestContext): Held {
    const now = Date.now();
    const id = repositoryId(this.#statements, repository) ?? unknownBlob(digest);
    const referring = this.#statements.all<{ digest: string }>(
      `SELECT m.digest FROM manifest_blobs e JOIN manifests m ON m.id = e.manifest_id
       WHERE e.repository_id = ? AND e.digest = ? LIMIT 20`,
      id,
      digest,
    );
    if (referring.length > 0) {
      throw new OciError('UNSUPPORTED', {
        message: 'a manifest of this repository refers to the blob; delete the manifest first',
        detail: { manifests: referring.map((row) => row.digest) },
        headers: { Allow: 'GET, HEAD' },
      });
    }
    if (this.#statements.run('DELETE FROM links WHERE repository_id = ? AND digest = ?', id, digest) === 0) {
      unknownBlob(digest);
    }
    review(this.#statements, 'blob', 0, digest, now);
    review(this.#statements, 'repository', id, '', now);
    recordEvent(this.#statements, { at: now, kind: 'blob.delete', repository, digest }, context);
    return held(this.#statements, { repositoryId: id, blobs: [digest], manifests: [] }, now, this.#retention);
  }

  #link(repositoryId: number, digest: Digest, now: number): void {
    const leaseUntil = now + this.#retention.leaseMs;
    this.#statements.run(
      `INSERT INTO links (repository_id, digest, lease_until, created_at) VALUES (?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET lease_until = max(lease_until, excluded.lease_until)`,
      repositoryId,
      digest,
      leaseUntil,
      now,
    );
    review(this.#statements, 'link', repositoryId, digest, leaseUntil + this.#retention.graceMs);
  }
}

interface SessionOwner extends RequestContext {
  repositoryId: number;
  repository: string;
}

function unknownBlob(digest: Digest): never {
  throw new OciError('BLOB_UNKNOWN', { detail: { digest } });
}
