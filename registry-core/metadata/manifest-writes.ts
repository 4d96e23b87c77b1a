import type { Digest } from '../../oci/digest.ts';
import { OciError } from '../../oci/errors.ts';
import type { RequestContext } from '../../runtime/request-context.ts';
import type { Precondition } from '../preconditions.ts';
import { recordEvent } from './events.ts';
import { held } from './held.ts';
import { checkPrecondition, checkReferences, checkType } from './manifest-checks.ts';
import { type RemovableManifest, removeManifest, untagManifest } from './manifest-removal.ts';
import { untaggedMs } from './policies.ts';
import { checkDelete, checkMove } from './protected-tags.ts';
import type { Held, PutManifest, WrongSize } from './registry.ts';
import { ensureRepository, repositoryId } from './repositories.ts';
import { type Retention, review } from './review.ts';
import type { Statements } from './statements.ts';

/** Writes about manifests and tags. Each method is the body of one transaction of the writer thread. */
export class ManifestWrites {
  readonly #statements: Statements;
  readonly #retention: Retention;

  constructor(statements: Statements, retention: Retention) {
    this.#statements = statements;
    this.#retention = retention;
  }

  /** Renews a manifest's lease; the row count is the answer. @returns false when it is not there (any more). */
  renewManifest(repository: string, digest: Digest): boolean {
    const changed = this.#statements.run(
      `UPDATE manifests SET lease_until = max(lease_until, ?3)
       WHERE repository_id = (SELECT id FROM repositories WHERE name = ?1) AND digest = ?2 AND content IS NOT NULL`,
      repository,
      digest,
      Date.now() + this.#retention.leaseMs,
    );
    return changed === 1;
  }

  putManifest(request: PutManifest, context: RequestContext): WrongSize | undefined {
    const { repository, digest, manifest, condition } = request;
    const now = Date.now();
    const id = ensureRepository(this.#statements, repository, now);
    checkType(this.#statements, id, digest, manifest.mediaType);
    const wrongSize = checkReferences(this.#statements, id, request);
    if (condition) checkPrecondition(this.#statements, repository, condition.reference, condition);
    for (const tag of request.tags) checkMove(this.#statements, this.#retention, repository, tag, digest);
    this.#store(id, request, now, context);
    const leaseUntil = now + this.#retention.leaseMs;
    const due = Math.max(leaseUntil, now + untaggedMs(this.#retention, repository)) + this.#retention.graceMs;
    review(this.#statements, 'manifest', id, digest, due);
    recordEvent(this.#statements, { at: now, kind: 'manifest.push', repository, digest }, context);
    for (const tag of request.tags) this.#tag(id, repository, tag, digest, now, context);
    return wrongSize;
  }

  #store(repositoryId: number, request: PutManifest, now: number, context: RequestContext): void {
    const { digest, content, manifest } = request;
    const { id } = this.#statements.get<{ id: number }>(
      `INSERT INTO manifests (repository_id, digest, media_type, kind, size, subject, artifact_type, annotations,
         lease_until, unheld_since, pushed_at, actor, request_id, client_address, content)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (repository_id, digest) DO UPDATE SET
         lease_until = max(lease_until, excluded.lease_until), unheld_since = excluded.unheld_since,
         content = excluded.content
       RETURNING id`,
      repositoryId,
      digest,
      manifest.mediaType,
      manifest.kind,
      content.length,
      manifest.subject ?? null,
      manifest.artifactType ?? null,
      manifest.annotations ? JSON.stringify(manifest.annotations) : null,
      now + this.#retention.leaseMs,
      now,
      now,
      context.actor,
      context.requestId,
      context.clientAddress,
      content,
    )!;
    this.#edges('manifest_blobs', repositoryId, id, manifest.blobs);
    this.#edges('manifest_children', repositoryId, id, manifest.children);
  }

  #edges(
    table: 'manifest_blobs' | 'manifest_children',
    repositoryId: number,
    id: number,
    digests: Digest[],
  ): void {
    for (const digest of digests) {
      this.#statements.run(
        `INSERT INTO ${table} (repository_id, digest, manifest_id) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`,
        repositoryId,
        digest,
        id,
      );
    }
  }

  #tag(
    id: number,
    repository: string,
    tag: string,
    digest: Digest,
    now: number,
    context: RequestContext,
  ): void {
    const old = this.#statements.get<{ digest: Digest }>(
      'SELECT digest FROM tags WHERE repository_id = ? AND name = ?',
      id,
      tag,
    );
    this.#statements.run(
      `INSERT INTO tags (repository_id, name, digest, updated_at, actor, request_id, client_address)
       VALUES (?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET digest = excluded.digest, updated_at = excluded.updated_at,
         actor = excluded.actor, request_id = excluded.request_id, client_address = excluded.client_address`,
      id,
      tag,
      digest,
      now,
      context.actor,
      context.requestId,
      context.clientAddress,
    );
    if (old && old.digest !== digest) this.#untag(id, repository, old.digest, now);
    recordEvent(this.#statements, { at: now, kind: 'tag.push', repository, digest, tag }, context);
  }

  #untag(repositoryId: number, repository: string, digest: Digest, now: number): void {
    untagManifest(this.#statements, repositoryId, digest, now, untaggedMs(this.#retention, repository));
  }

  deleteTag(repository: string, tag: string, context: RequestContext, condition?: Precondition): Held {
    const now = Date.now();
    checkPrecondition(this.#statements, repository, { tag }, condition);
    checkDelete(this.#statements, this.#retention, repository, { tag });
    const row = this.#statements.get<{ id: number; digest: Digest }>(
      `DELETE FROM tags WHERE repository_id = (SELECT id FROM repositories WHERE name = ?) AND name = ?
       RETURNING repository_id AS id, digest`,
      repository,
      tag,
    );
    if (!row)
      throw new OciError('MANIFEST_UNKNOWN', { message: 'no such tag in this repository', detail: { tag } });
    this.#untag(row.id, repository, row.digest, now);
    recordEvent(
      this.#statements,
      { at: now, kind: 'tag.delete', repository, digest: row.digest, tag },
      context,
    );
    const released = { repositoryId: row.id, blobs: [], manifests: [row.digest] };
    return held(this.#statements, released, now, this.#retention);
  }

  deleteManifest(
    repository: string,
    digest: Digest,
    context: RequestContext,
    condition?: Precondition,
  ): Held {
    const now = Date.now();
    checkPrecondition(this.#statements, repository, { digest }, condition);
    const manifest = this.#removable(repository, digest);
    checkDelete(this.#statements, this.#retention, repository, { digest });
    const { repositoryId: id } = manifest;
    const released = { repositoryId: id, ...this.#heldAlone(manifest) };
    const tags = this.#statements.all<{ name: string }>(
      'DELETE FROM tags WHERE repository_id = ? AND digest = ? RETURNING name',
      id,
      digest,
    );
    for (const { name } of tags) {
      recordEvent(this.#statements, { at: now, kind: 'tag.delete', repository, digest, tag: name }, context);
    }
    removeManifest(this.#statements, manifest, now, context);
    return held(this.#statements, released, now, this.#retention);
  }

  /** What the manifest refers to, to be read before its rows go. */
  #heldAlone({ id, repositoryId, digest }: RemovableManifest): { blobs: Digest[]; manifests: Digest[] } {
    const digests = (sql: string, ...parameters: unknown[]) =>
      this.#statements.all<{ digest: Digest }>(sql, ...parameters).map((row) => row.digest);
    return {
      blobs: digests('SELECT digest FROM manifest_blobs WHERE manifest_id = ?', id),
      manifests: digests(
        `SELECT digest FROM manifest_children WHERE manifest_id = ?
         UNION SELECT digest FROM manifests WHERE repository_id = ? AND subject = ?`,
        id,
        repositoryId,
        digest,
      ),
    };
  }

  #removable(repository: string, digest: Digest): RemovableManifest {
    const id = repositoryId(this.#statements, repository);
    if (id === undefined) throw new OciError('NAME_UNKNOWN', { detail: { name: repository } });
    const row = this.#statements.get<{ id: number }>(
      'SELECT id FROM manifests WHERE repository_id = ? AND digest = ?',
      id,
      digest,
    );
    if (!row) throw new OciError('MANIFEST_UNKNOWN', { detail: { digest } });
    const indexes = this.#statements.all<{ digest: string }>(
      `SELECT m.digest FROM manifest_children e JOIN manifests m ON m.id = e.manifest_id
       WHERE e.repository_id = ? AND e.digest = ? LIMIT 20`,
      id,
      digest,
    );
    if (indexes.length > 0) {
      throw new OciError('UNSUPPORTED', {
        message: 'an index of this repository lists the manifest; delete the index first',
        detail: { manifests: indexes.map((entry) => entry.digest) },
        headers: { Allow: 'GET, HEAD, PUT' },
      });
    }
    return { id: row.id, repositoryId: id, repository, digest };
  }
}
