import type { Digest } from '../../oci/digest.ts';
import type { Statements } from './statements.ts';

/** What a run took away, as far as it is known. */
export interface TrashOfRun {
  /** Blobs, each with a repository that it is to be linked to. */
  links: { repository: string; digest: Digest }[];
  manifests: { repository: string; digest: Digest }[];
  tags: { repository: string; name: string; digest: Digest }[];
  /** Blobs of which nobody knows any more who had them. */
  unclaimed: Digest[];
}

/** @returns undefined when there was no such run. Reads without a lock: undo looks at each thing again. */
export function trashOfRun(statements: Statements, run: number): TrashOfRun | undefined {
  if (!statements.get('SELECT 1 FROM gc_runs WHERE id = ?', run)) return undefined;
  const links = statements.all<{ repository: string; digest: Digest }>(
    `SELECT repository, digest FROM trashed_links WHERE run = ?1
     UNION ${linkedByEarlierRuns} UNION ${deletedByClients} ORDER BY 1, 2`,
    run,
  );
  const claimed = new Set(links.map(({ digest }) => digest));
  const blobs = statements.all<{ digest: Digest }>(
    'SELECT DISTINCT digest FROM trashed_blobs WHERE run = ?',
    run,
  );
  return {
    links,
    manifests: statements.all(
      'SELECT repository, digest FROM trashed_manifests WHERE run = ? ORDER BY id',
      run,
    ),
    tags: statements.all(
      'SELECT repository, name, digest FROM trashed_tags WHERE run = ? ORDER BY 1, 2',
      run,
    ),
    unclaimed: blobs.map(({ digest }) => digest).filter((digest) => !claimed.has(digest)),
  };
}

const notLinkedByThis = `NOT EXISTS (SELECT 1 FROM trashed_links o WHERE o.digest = b.digest AND o.run = ?1)`;

/** A run that was cut off has removed links whose blobs a later one swept. */
const linkedByEarlierRuns = `
  SELECT l.repository, l.digest FROM trashed_blobs b JOIN trashed_links l ON l.digest = b.digest AND l.run < ?1
  WHERE b.run = ?1 AND ${notLinkedByThis}`;

/** A client that deleted the last link of a blob left the bytes to the run; the journal knows where it stood. */
const deletedByClients = `
  SELECT e.repository, b.digest FROM trashed_blobs b JOIN events e ON e.digest = b.digest AND e.kind = 'blob.delete'
  WHERE b.run = ?1 AND ${notLinkedByThis}`;
