import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { migrations } from '../../../registry-core/metadata/schema.ts';
import { openDatabase } from '../../../runtime/sqlite.ts';
import { blobOf } from '../load/push.ts';
import { commonImage, hexOf, type Names, repositoryName, tagName } from './images.ts';

/** Leases that run and pulls of just now: what is asked for has nothing to renew. */
const now = Date.now();
const leaseUntil = now + 24 * 3_600_000;

type Database = ReturnType<typeof openDatabase>;

/** A data directory of Gatehouse with these names in it, made without asking it. */
export function buildGatehouseStore(data: string, all: readonly Names[]): void {
  mkdirSync(join(data, 'run'), { recursive: true, mode: 0o700 });
  const database = openDatabase(join(data, 'registry.db'), { migrations, synchronous: 'NORMAL' });
  database.exec('BEGIN IMMEDIATE');
  putBlobs(database, data);
  for (const names of all) putNames(database, names);
  database.exec('COMMIT; PRAGMA wal_checkpoint(TRUNCATE); ANALYZE');
  database.close();
}

function putBlobs(database: Database, data: string): void {
  const blob = database.prepare(
    `INSERT INTO blobs (digest, size, state, storage_key, created_at) VALUES (?, ?, 'present', ?, 1)`,
  );
  for (const { digest, pieces } of commonImage.blobs) {
    const hex = hexOf(digest);
    const key = `sha256/${hex.slice(0, 2)}/${hex}.bench`;
    const path = join(data, 'blobs', key);
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    writeFileSync(path, Buffer.concat(pieces));
    blob.run(digest, Buffer.concat(pieces).length, key);
  }
}

function putNames(database: Database, names: Names): void {
  const repository = database.prepare(
    'INSERT INTO repositories (name, created_at) VALUES (?, 1) RETURNING id',
  );
  const link = database.prepare(
    `INSERT INTO links (repository_id, digest, lease_until, created_at) VALUES (?, ?, ${leaseUntil}, 1)`,
  );
  const manifest = database.prepare(
    `INSERT INTO manifests (repository_id, digest, media_type, kind, size, lease_until, unheld_since, pushed_at,
       pulled_at, actor, request_id, client_address, content)
     VALUES (?, ?, 'application/vnd.oci.image.manifest.v1+json', 'image', ?, ${leaseUntil}, 1, 1, ${now}, 'bench', '-', '-', ?)
     RETURNING id`,
  );
  const edge = database.prepare(
    'INSERT INTO manifest_blobs (repository_id, digest, manifest_id) VALUES (?, ?, ?)',
  );
  const tag = database.prepare(
    `INSERT INTO tags (repository_id, name, digest, updated_at, pulled_at, actor, request_id, client_address)
     VALUES (?, ?, ?, 1, ${now}, 'bench', '-', '-')`,
  );
  const { manifest: content, blobs } = commonImage;
  const { digest } = blobOf(content);
  for (let index = 0; index < names.repositories; index++) {
    const { id } = repository.get(repositoryName(names, index)) as { id: number };
    const row = manifest.get(id, digest, content.length, content) as { id: number };
    for (const blob of blobs) {
      link.run(id, blob.digest);
      edge.run(id, blob.digest, row.id);
    }
    for (let number = 0; number < names.tagsEach; number++) tag.run(id, tagName(number), digest);
  }
}
