import type { Migration } from '../../runtime/migrations.ts';

/**
 * registry.db. Times are milliseconds since 1970, sizes bytes. `test/registry-core/schema.sql` is its dump.
 *
 *   repositories ─┬─ tags ──────────▶ manifests ─┬─ manifest_children ──▶ manifests (same repository)
 *                 ├─ manifests                   ├─ manifest_blobs ─────▶ links ──▶ blobs ──▶ storage_key
 *                 ├─ links                       └─ subject ············▶ manifests (may be absent)
 *                 └─ upload_sessions ──▶ closing_key
 *
 * No file exists that no row names: a blob's key stands in `blobs`, that of a session being closed in
 * `upload_sessions`, and what is to be removed in `doomed_keys`.
 */
export const migrations: readonly Migration[] = [
  {
    name: 'the registry',
    sql: `
CREATE TABLE meta (
  key TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE repositories (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  created_at INTEGER NOT NULL
) STRICT;

-- absent: known, but its bytes are not here (a mirror). damaged: found bad, the next push heals it.
-- condemned: no repository links to it, its file is being removed.
CREATE TABLE blobs (
  digest TEXT PRIMARY KEY,
  size INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('present', 'absent', 'damaged', 'condemned')),
  storage_key TEXT UNIQUE,
  created_at INTEGER NOT NULL,
  CHECK (storage_key IS NOT NULL OR state = 'absent')
) STRICT, WITHOUT ROWID;
CREATE INDEX blobs_condemned ON blobs (digest) WHERE state = 'condemned';

-- What a repository may read, and until when it may count on that without a manifest.
CREATE TABLE links (
  repository_id INTEGER NOT NULL REFERENCES repositories (id),
  digest TEXT NOT NULL REFERENCES blobs (digest),
  lease_until INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (repository_id, digest)
) STRICT, WITHOUT ROWID;
CREATE INDEX links_by_digest ON links (digest);

-- unheld_since: since when neither tag nor index nor subject held it; 0 when it goes with a removed one.
-- content is last, so that reading the other columns never touches its overflow pages. NULL: not here (a mirror).
CREATE TABLE manifests (
  id INTEGER PRIMARY KEY,
  repository_id INTEGER NOT NULL REFERENCES repositories (id),
  digest TEXT NOT NULL,
  media_type TEXT NOT NULL,
  kind TEXT NOT NULL,
  size INTEGER NOT NULL,
  subject TEXT,
  artifact_type TEXT,
  annotations TEXT,
  lease_until INTEGER NOT NULL,
  unheld_since INTEGER NOT NULL,
  pushed_at INTEGER NOT NULL,
  actor TEXT NOT NULL,
  request_id TEXT NOT NULL,
  client_address TEXT NOT NULL,
  content BLOB,
  UNIQUE (repository_id, digest)
) STRICT;
CREATE INDEX manifests_by_subject ON manifests (repository_id, subject, digest) WHERE subject IS NOT NULL;
CREATE INDEX manifests_of_unknown_kind ON manifests (repository_id)
  WHERE kind NOT IN ('image', 'index', 'artifact');

CREATE TABLE manifest_blobs (
  repository_id INTEGER NOT NULL,
  digest TEXT NOT NULL,
  manifest_id INTEGER NOT NULL REFERENCES manifests (id) ON DELETE CASCADE,
  PRIMARY KEY (repository_id, digest, manifest_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX manifest_blobs_by_manifest ON manifest_blobs (manifest_id);

CREATE TABLE manifest_children (
  repository_id INTEGER NOT NULL,
  digest TEXT NOT NULL,
  manifest_id INTEGER NOT NULL REFERENCES manifests (id) ON DELETE CASCADE,
  PRIMARY KEY (repository_id, digest, manifest_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX manifest_children_by_manifest ON manifest_children (manifest_id);

CREATE TABLE tags (
  repository_id INTEGER NOT NULL,
  name TEXT NOT NULL,
  digest TEXT NOT NULL,
  updated_at INTEGER NOT NULL,
  actor TEXT NOT NULL,
  request_id TEXT NOT NULL,
  client_address TEXT NOT NULL,
  PRIMARY KEY (repository_id, name),
  FOREIGN KEY (repository_id, digest) REFERENCES manifests (repository_id, digest)
) STRICT, WITHOUT ROWID;
CREATE INDEX tags_by_digest ON tags (repository_id, digest);

-- closing: its bytes are complete and synced; closing_key names the file that they become.
CREATE TABLE upload_sessions (
  id TEXT PRIMARY KEY,
  repository_id INTEGER NOT NULL REFERENCES repositories (id),
  state TEXT NOT NULL CHECK (state IN ('open', 'closing')),
  algorithm TEXT NOT NULL,
  offset INTEGER NOT NULL,
  closing_digest TEXT,
  closing_key TEXT,
  expires_at INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  actor TEXT NOT NULL,
  request_id TEXT NOT NULL,
  client_address TEXT NOT NULL,
  CHECK ((state = 'closing') = (closing_key IS NOT NULL AND closing_digest IS NOT NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX upload_sessions_by_expiry ON upload_sessions (expires_at);
CREATE INDEX upload_sessions_by_repository ON upload_sessions (repository_id);

-- Files that nothing needs any more. kind blob: a storage key. kind upload: a session's id.
CREATE TABLE doomed_keys (
  kind TEXT NOT NULL CHECK (kind IN ('blob', 'upload')),
  storage_key TEXT NOT NULL,
  doomed_at INTEGER NOT NULL,
  PRIMARY KEY (kind, storage_key)
) STRICT, WITHOUT ROWID;

-- What may have become garbage, written in the transaction that made it so. Mark reads due rows, nothing else.
CREATE TABLE review (
  kind TEXT NOT NULL CHECK (kind IN ('manifest', 'link', 'blob', 'repository')),
  repository_id INTEGER NOT NULL,
  digest TEXT NOT NULL,
  due_at INTEGER NOT NULL,
  PRIMARY KEY (kind, repository_id, digest)
) STRICT, WITHOUT ROWID;
CREATE INDEX review_by_due ON review (kind, due_at);

CREATE TABLE events (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  at INTEGER NOT NULL,
  kind TEXT NOT NULL,
  repository TEXT NOT NULL,
  digest TEXT,
  tag TEXT,
  actor TEXT NOT NULL,
  request_id TEXT NOT NULL,
  client_address TEXT NOT NULL
) STRICT;
CREATE INDEX events_by_time ON events (at);

CREATE TABLE gc_runs (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  started_at INTEGER NOT NULL,
  finished_at INTEGER NOT NULL,
  report TEXT NOT NULL
) STRICT;
`,
  },
];
