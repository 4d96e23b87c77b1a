CREATE TABLE blob_journal (
  id INTEGER PRIMARY KEY,
  session TEXT NOT NULL,
  storage_key TEXT NOT NULL UNIQUE,
  content BLOB NOT NULL
) STRICT;

CREATE TABLE blobs (
  digest TEXT PRIMARY KEY,
  size INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('present', 'absent', 'damaged', 'condemned')),
  storage_key TEXT,
  condemned_by INTEGER,
  created_at INTEGER NOT NULL,
  CHECK (storage_key IS NOT NULL OR state = 'absent')
) STRICT, WITHOUT ROWID;

CREATE INDEX blobs_condemned ON blobs (digest) WHERE state = 'condemned';

CREATE TABLE doomed_keys (
  kind TEXT NOT NULL CHECK (kind IN ('blob', 'upload')),
  storage_key TEXT NOT NULL,
  doomed_at INTEGER NOT NULL,
  PRIMARY KEY (kind, storage_key)
) STRICT, WITHOUT ROWID;

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
  finished_at INTEGER,
  report TEXT,
  CHECK ((finished_at IS NULL) = (report IS NULL))
) STRICT;

CREATE TABLE links (
  repository_id INTEGER NOT NULL REFERENCES repositories (id),
  digest TEXT NOT NULL REFERENCES blobs (digest),
  lease_until INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (repository_id, digest)
) STRICT, WITHOUT ROWID;

CREATE INDEX links_by_digest ON links (digest);

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
  released_by TEXT,
  pushed_at INTEGER NOT NULL,
  pulled_at INTEGER NOT NULL DEFAULT 0,
  actor TEXT NOT NULL,
  request_id TEXT NOT NULL,
  client_address TEXT NOT NULL,
  content BLOB,
  UNIQUE (repository_id, digest)
) STRICT;

CREATE INDEX manifests_by_subject ON manifests (repository_id, subject, digest) WHERE subject IS NOT NULL;

CREATE INDEX manifests_of_unknown_kind ON manifests (repository_id)
  WHERE kind NOT IN ('image', 'index', 'artifact');

CREATE TABLE meta (
  key TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE repositories (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE review (
  kind TEXT NOT NULL CHECK (kind IN ('manifest', 'link', 'blob', 'repository')),
  repository_id INTEGER NOT NULL,
  digest TEXT NOT NULL,
  due_at INTEGER NOT NULL,
  PRIMARY KEY (kind, repository_id, digest)
) STRICT, WITHOUT ROWID;

CREATE INDEX review_by_due ON review (kind, due_at);

CREATE TABLE tags (
  repository_id INTEGER NOT NULL,
  name TEXT NOT NULL,
  digest TEXT NOT NULL,
  updated_at INTEGER NOT NULL,
  pulled_at INTEGER NOT NULL DEFAULT 0,
  actor TEXT NOT NULL,
  request_id TEXT NOT NULL,
  client_address TEXT NOT NULL,
  PRIMARY KEY (repository_id, name),
  FOREIGN KEY (repository_id, digest) REFERENCES manifests (repository_id, digest)
) STRICT, WITHOUT ROWID;

CREATE INDEX tags_by_digest ON tags (repository_id, digest);

CREATE TABLE trashed_blobs (
  storage_key TEXT PRIMARY KEY,
  digest TEXT NOT NULL,
  size INTEGER NOT NULL,
  day TEXT NOT NULL,
  run INTEGER NOT NULL,
  trashed_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX trashed_blobs_by_digest ON trashed_blobs (digest);

CREATE INDEX trashed_blobs_by_run ON trashed_blobs (run);

CREATE INDEX trashed_blobs_by_time ON trashed_blobs (trashed_at);

CREATE TABLE trashed_links (
  run INTEGER NOT NULL,
  repository TEXT NOT NULL,
  digest TEXT NOT NULL,
  trashed_at INTEGER NOT NULL,
  PRIMARY KEY (run, repository, digest)
) STRICT, WITHOUT ROWID;

CREATE INDEX trashed_links_by_digest ON trashed_links (digest);

CREATE INDEX trashed_links_by_time ON trashed_links (trashed_at);

CREATE TABLE trashed_manifests (
  id INTEGER PRIMARY KEY,
  repository TEXT NOT NULL,
  digest TEXT NOT NULL,
  run INTEGER NOT NULL,
  media_type TEXT NOT NULL,
  trashed_at INTEGER NOT NULL,
  content BLOB NOT NULL,
  UNIQUE (repository, digest, run)
) STRICT;

CREATE INDEX trashed_manifests_by_run ON trashed_manifests (run);

CREATE INDEX trashed_manifests_by_time ON trashed_manifests (trashed_at);

CREATE TABLE trashed_tags (
  run INTEGER NOT NULL,
  repository TEXT NOT NULL,
  name TEXT NOT NULL,
  digest TEXT NOT NULL,
  trashed_at INTEGER NOT NULL,
  PRIMARY KEY (run, repository, name)
) STRICT, WITHOUT ROWID;

CREATE INDEX trashed_tags_by_time ON trashed_tags (trashed_at);

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
