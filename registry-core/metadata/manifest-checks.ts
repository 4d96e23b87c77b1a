import type { Digest } from '../../oci/digest.ts';
import { OciError } from '../../oci/errors.ts';
import type { ParsedManifest } from '../../oci/manifest.ts';
import type { Statements } from './statements.ts';

/** Named in an error; looking for more would only keep other writers waiting. */
const maxMissing = 100;

/** The same bytes under another type would change what every other client reads (CVE-2021-41190). */
export function checkType(
  statements: Statements,
  repositoryId: number,
  digest: Digest,
  mediaType: string,
): void {
  const stored = statements.get<{ mediaType: string }>(
    'SELECT media_type AS mediaType FROM manifests WHERE repository_id = ? AND digest = ?',
    repositoryId,
    digest,
  )?.mediaType;
  if (stored === undefined || stored === mediaType) return;
  throw new OciError('MANIFEST_INVALID', {
    message: 'the repository has these bytes under another media type already',
    detail: { digest, mediaType, stored },
  });
}

/** A manifest is accepted only when *this* repository has all that it names; the subject may come later. */
export function checkReferences(
  statements: Statements,
  repositoryId: number,
  { blobs, children }: ParsedManifest,
): void {
  const missingBlobs = firstMissing(blobs, (digest) =>
    statements.get(
      `SELECT 1 FROM links JOIN blobs USING (digest)
       WHERE repository_id = ? AND digest = ? AND state IN ('present', 'absent')`,
      repositoryId,
      digest,
    ),
  );
  const missingManifests = firstMissing(children, (digest) =>
    statements.get('SELECT 1 FROM manifests WHERE repository_id = ? AND digest = ?', repositoryId, digest),
  );
  if (missingBlobs.length + missingManifests.length === 0) return;
  throw new OciError('MANIFEST_BLOB_UNKNOWN', {
    message: 'the manifest names blobs or manifests that this repository does not have; push those first',
    detail: { blobs: missingBlobs, manifests: missingManifests },
  });
}

function firstMissing(digests: readonly Digest[], find: (digest: Digest) => unknown): Digest[] {
  const missing: Digest[] = [];
  for (const digest of digests) {
    if (missing.length < maxMissing && find(digest) === undefined) missing.push(digest);
  }
  return missing;
}
