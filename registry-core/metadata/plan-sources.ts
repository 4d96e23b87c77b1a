/** How one kind of item is read: its rows `g` with their time, and what is told of each. */
export interface Source {
  table: string;
  due: string;
  order?: string;
  joins: string;
  columns: string;
}

const repositoryName = (id: string) => `(SELECT name FROM repositories WHERE id = ${id})`;

export const tags: Source = {
  table: 'gone_tags',
  due: '0',
  order: 'name',
  joins: 'CROSS JOIN tags t USING (repository_id, name)',
  columns: `${repositoryName('repository_id')} AS repository, name, t.digest, t.updated_at AS updatedAt,
    t.pulled_at AS pulledAt`,
};

export const manifests: Source = {
  table: 'gone_manifests',
  due: 'due_at',
  joins: 'CROSS JOIN manifests m ON m.id = g.id LEFT JOIN manifests h ON h.id = g.holder',
  columns: `${repositoryName('m.repository_id')} AS repository, m.digest, m.size, g.due_at AS dueAt,
    m.lease_until AS leaseUntil, m.unheld_since AS since,
    untagged_ms(${repositoryName('m.repository_id')}) AS untaggedMs, coalesce(h.digest, iif(m.unheld_since = 0, m.released_by, NULL)) AS by,
    CASE WHEN EXISTS (SELECT 1 FROM tags WHERE repository_id = m.repository_id AND digest = m.digest) THEN 'tag'
      WHEN h.digest = m.subject THEN 'subject' WHEN h.digest IS NOT NULL THEN 'index'
      WHEN m.unheld_since > 0 THEN 'untagged'
      WHEN m.released_by = m.subject THEN 'released subject' ELSE 'released index' END AS cause`,
};

export const links: Source = {
  table: 'gone_links',
  due: 'due_at',
  joins: 'CROSS JOIN links l USING (repository_id, digest) CROSS JOIN blobs b USING (digest)',
  columns: `${repositoryName('repository_id')} AS repository, digest, b.size, g.due_at AS dueAt,
    l.lease_until AS leaseUntil,
    (SELECT m.digest FROM manifest_blobs e JOIN manifests m ON m.id = e.manifest_id JOIN gone_manifests x ON x.id = m.id
      WHERE e.repository_id = g.repository_id AND e.digest = g.digest ORDER BY x.due_at DESC LIMIT 1) AS by`,
};

export const blobs: Source = {
  table: 'gone_blobs',
  due: 'due_at',
  joins: 'CROSS JOIN blobs b USING (digest)',
  columns: `digest, b.size, g.due_at AS dueAt, b.state, b.condemned_by AS condemnedBy,
    (SELECT r.name FROM links l JOIN repositories r ON r.id = l.repository_id
      JOIN gone_links x ON x.repository_id = l.repository_id AND x.digest = l.digest
      WHERE l.digest = g.digest ORDER BY x.due_at DESC LIMIT 1) AS repository`,
};

export const sessions: Source = {
  table: 'upload_sessions',
  due: 'expires_at',
  joins: '',
  columns: `id, ${repositoryName('repository_id')} AS repository, offset AS size, expires_at AS dueAt, actor`,
};

/** Without `gc.trash` what is there still goes at once. */
export function trashSource(trashMs: number): Source {
  return {
    table: 'trashed_blobs',
    due: `trashed_at + ${trashMs}`,
    order: 'trashed_at',
    joins: '',
    columns: `digest, size, trashed_at + ${trashMs} AS dueAt, trashed_at AS trashedAt, run`,
  };
}

/** Named for the next sweep already. */
export const files: Source = {
  table: 'doomed_keys',
  due: 'doomed_at',
  joins: '',
  columns: 'kind, storage_key AS key, doomed_at AS doomedAt',
};
