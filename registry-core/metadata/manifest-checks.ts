import type { Digest } from '../../oci/digest.ts';
import { OciError } from '../../oci/errors.ts';
import type { Reference } from '../../oci/reference.ts';
import { demandPrecondition, type Precondition } from '../preconditions.ts';
import type { PutManifest, WrongSize } from './registry.ts';
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

/**
 * A manifest is accepted only when *this* repository has all that it names; the subject may come later, and so may
 * non-distributable layers and the children of a sparse index that are not needed.
 * @returns a descriptor that says another size than what is stored has.
 */
export function checkReferences(
  statements: Statements,
  repositoryId: number,
  {
    manifest: { blobs, elsewhere, children },
    needed = children,
    sizes = [],
  }: Pick<PutManifest, 'manifest' | 'needed' | 'sizes'>,
): WrongSize | undefined {
  const stored = new Map<Digest, number>();
  const optional = new Set(elsewhere);
  const neededBlobs = blobs.filter((digest) => !optional.has(digest));
  const find = (sql: string) => (digest: Digest) => {
    const row = statements.get<{ size: number }>(sql, repositoryId, digest);
    if (row) stored.set(digest, row.size);
    return row;
  };
  const missingBlobs = firstMissing(
    neededBlobs,
    find(`SELECT size FROM links JOIN blobs USING (digest)
       WHERE repository_id = ? AND digest = ? AND state IN ('present', 'absent')`),
  );
  const missingManifests = firstMissing(
    needed,
    find('SELECT size FROM manifests WHERE repository_id = ? AND digest = ?'),
  );
  if (missingBlobs.length + missingManifests.length === 0) return firstWrongSize(sizes, stored);
  throw new OciError('MANIFEST_BLOB_UNKNOWN', {
    message: 'the manifest names blobs or manifests that this repository does not have; push those first',
    detail: { blobs: missingBlobs, manifests: missingManifests },
  });
}

function firstWrongSize(
  sizes: NonNullable<PutManifest['sizes']>,
  stored: ReadonlyMap<Digest, number>,
): WrongSize | undefined {
  const wrong = sizes.find(({ digest, size }) => (stored.get(digest) ?? size) !== size);
  return wrong && { ...wrong, stored: stored.get(wrong.digest)! };
}

/** @throws OciError MANIFEST_INVALID (412) when what the reference names now is not what the request asks for. */
export function checkPrecondition(
  statements: Statements,
  repository: string,
  reference: Reference,
  condition: Precondition | undefined,
): void {
  if (condition?.ifMatch === undefined && condition?.ifNoneMatch === undefined) return;
  const row =
    'tag' in reference
      ? statements.get<{ digest: Digest }>(
          'SELECT digest FROM tags JOIN repositories r ON r.id = repository_id WHERE r.name = ? AND tags.name = ?',
          repository,
          reference.tag,
        )
      : statements.get<{ digest: Digest }>(
          'SELECT digest FROM manifests JOIN repositories r ON r.id = repository_id WHERE name = ? AND digest = ?',
          repository,
          reference.digest,
        );
  demandPrecondition(condition, row && `"${row.digest}"`);
}

function firstMissing(digests: readonly Digest[], find: (digest: Digest) => unknown): Digest[] {
  const missing: Digest[] = [];
  for (const digest of digests) {
    if (missing.length < maxMissing && find(digest) === undefined) missing.push(digest);
  }
  return missing;
}
