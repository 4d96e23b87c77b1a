/** Conditions for what a plan has taken away already: a manifest by its id, a tag by the alias of its row. */
interface Gone {
  manifest(id: string): string;
  tag?(alias: string): string;
}

/**
 * What keeps a manifest `m`, a link `l`, a blob `b`, as SQL conditions that mark and plan share. `gone_*` are
 * conditions for rows that a plan has already taken away; mark takes rows away for real.
 */
export function manifestHolders({ manifest, tag }: Gone = nothingGone) {
  return {
    tag: `EXISTS (SELECT 1 FROM tags t
      WHERE t.repository_id = m.repository_id AND t.digest = m.digest AND NOT ${tag?.('t') ?? '0'})`,
    index: `EXISTS (SELECT 1 FROM manifest_children e
      WHERE e.repository_id = m.repository_id AND e.digest = m.digest AND NOT ${manifest('e.manifest_id')})`,
    subject: `(m.subject IS NOT NULL AND EXISTS (SELECT 1 FROM manifests s
      WHERE s.repository_id = m.repository_id AND s.digest = m.subject AND NOT ${manifest('s.id')}))`,
  };
}

export function linkHolder(gone: Gone = nothingGone) {
  return `EXISTS (SELECT 1 FROM manifest_blobs e
    WHERE e.repository_id = l.repository_id AND e.digest = l.digest AND NOT ${gone.manifest('e.manifest_id')})`;
}

/** Rows of a type that this Gatehouse does not know may refer to anything in their repository: nothing goes there. */
export const repositoryInDoubt = (repositoryId: string) =>
  `EXISTS (SELECT 1 FROM manifests u
    WHERE u.repository_id = ${repositoryId} AND u.kind NOT IN ('image', 'index', 'artifact'))`;

const nothingGone: Gone = { manifest: () => '0' };
