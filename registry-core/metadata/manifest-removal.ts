import type { RequestContext } from '../../runtime/request-context.ts';
import { recordEvent } from './events.ts';
import { review } from './review.ts';
import type { Statements } from './statements.ts';

export interface RemovableManifest {
  id: number;
  repositoryId: number;
  repository: string;
  digest: string;
}

/**
 * Removes a manifest's row and edges, and puts all that it held on the review list: its blobs' links, the manifests
 * that it listed, those that refer to it as their subject. Shared by DELETE and mark, so that neither forgets one.
 */
export function removeManifest(
  statements: Statements,
  manifest: RemovableManifest,
  now: number,
  context: RequestContext,
): void {
  const { id, repositoryId, digest } = manifest;
  statements.run(
    `INSERT INTO review (kind, repository_id, digest, due_at)
     SELECT 'link', repository_id, digest, ?2 FROM manifest_blobs WHERE manifest_id = ?1
     ON CONFLICT DO UPDATE SET due_at = min(due_at, excluded.due_at)`,
    id,
    now,
  );
  statements.run(
    `INSERT INTO review (kind, repository_id, digest, due_at)
     SELECT 'manifest', repository_id, digest, ?2 FROM manifest_children WHERE manifest_id = ?1
     ON CONFLICT DO UPDATE SET due_at = min(due_at, excluded.due_at)`,
    id,
    now,
  );
  statements.run(
    `INSERT INTO review (kind, repository_id, digest, due_at)
     SELECT 'manifest', repository_id, digest, ?3 FROM manifests WHERE repository_id = ?1 AND subject = ?2
     ON CONFLICT DO UPDATE SET due_at = min(due_at, excluded.due_at)`,
    repositoryId,
    digest,
    now,
  );
  releaseDependants(statements, manifest);
  statements.run('DELETE FROM manifests WHERE id = ?', id);
  review(statements, 'repository', repositoryId, '', now);
  recordEvent(
    statements,
    { at: now, kind: 'manifest.delete', repository: manifest.repository, digest },
    context,
  );
}

/** A manifest lost a tag: from now on the untagged policy counts, unless something else holds it. */
export function untagManifest(
  statements: Statements,
  repositoryId: number,
  digest: string,
  now: number,
  untaggedMs: number,
): void {
  statements.run(
    'UPDATE manifests SET unheld_since = ? WHERE repository_id = ? AND digest = ?',
    now,
    repositoryId,
    digest,
  );
  review(statements, 'manifest', repositoryId, digest, now + untaggedMs);
}

/**
 * What was there only for this manifest goes with it: the untagged policy protects manifests that lost their tag,
 * not the parts of one that was removed. Their leases still count.
 */
function releaseDependants(statements: Statements, { id, repositoryId, digest }: RemovableManifest): void {
  statements.run(
    `UPDATE manifests SET unheld_since = 0, released_by = ?2
     WHERE (repository_id, digest) IN (SELECT repository_id, digest FROM manifest_children WHERE manifest_id = ?1)`,
    id,
    digest,
  );
  statements.run(
    'UPDATE manifests SET unheld_since = 0, released_by = ?2 WHERE repository_id = ?1 AND subject = ?2',
    repositoryId,
    digest,
  );
}
