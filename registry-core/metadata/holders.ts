/**
 * What keeps a manifest `m`, a link `l`, a blob `b`, as SQL conditions that mark and plan share. `gone_*` are
 * conditions for rows that a plan has already taken away; mark takes rows away for real.
 */
export function manifestHolders(gone: { manifest: (id: string) => string } = nothingGone) {
  return {
    tag: 'EXISTS (SELECT 1 FROM tags WHERE repository_id = m.repository_id AND digest = m.digest)',
    index: `EXISTS (SELECT 1 FROM manifest_children e
      WHERE e.repository_id = m.repository_id AND e.digest = m.digest AND NOT ${gone.manifest('e.manifest_id')})`,
    subject: `(m.subject IS NOT NULL AND EXISTS (SELECT 1 FROM manifests s
      WHERE s.repository_id = m.repository_id AND s.digest = m.subject AND NOT ${gone.manifest('s.id')}))`,
  };
}

export function linkHolder(gone: { manifest: (id: string) => string } = nothingGone) {
  return `EXISTS (SELECT 1 FROM manifest_blobs e
    WHERE e.repository_id = l.repository_id AND e.digest = l.digest AND NOT ${gone.manifest('e.manifest_id')})`;
}

/** Rows of a type that this Gatehouse does not know may refer to anything in their repository: nothing goes there. */
export const repositoryInDoubt = (repositoryId: string) =>
  `EXISTS (SELECT 1 FROM manifests u
    WHERE u.repository_id = ${repositoryId} AND u.kind NOT IN ('image', 'index', 'artifact'))`;

const nothingGone = { manifest: () => '0' };
