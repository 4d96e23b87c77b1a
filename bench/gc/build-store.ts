import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { migrations } from '../../registry-core/metadata/schema.ts';
import { openDatabase } from '../../runtime/sqlite.ts';

/** Images of a config and nine layers, in repositories of a hundred images; every tenth image was deleted. */
const layersPerImage = 9;
const imagesPerRepository = 100;
const garbageEvery = 10;

interface Image {
  repository: string;
  tag: string;
  manifest: Buffer;
  digest: string;
  blobs: { digest: string; bytes: Buffer }[];
  isGarbage: boolean;
}

export interface BuiltStore {
  blobs: number;
  garbage: number;
}

/** The same images for everyone, one after the other, since a million of them do not fit into memory. */
function* images(blobs: number): Generator<Image> {
  const count = Math.ceil(blobs / (layersPerImage + 1));
  for (let index = 0; index < count; index++) {
    const contents = Array.from({ length: layersPerImage + 1 }, (_, part) =>
      Buffer.from(
        part === 0 ? `{"architecture":"amd64","os":"linux","image":${index}}` : `layer ${index} ${part}`,
      ),
    );
    const own = contents.map((bytes) => ({ digest: digestOf(bytes), bytes }));
    const [config, ...layers] = own.map(({ digest, bytes }, part) => ({
      mediaType: `application/vnd.oci.image.${part === 0 ? 'config.v1+json' : 'layer.v1.tar'}`,
      digest,
      size: bytes.length,
    }));
    const mediaType = 'application/vnd.oci.image.manifest.v1+json';
    const manifest = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, config, layers }));
    yield {
      repository: `bench/r${Math.floor(index / imagesPerRepository)}`,
      tag: `v${index}`,
      manifest,
      digest: digestOf(manifest),
      blobs: own,
      isGarbage: index % garbageEvery === 0,
    };
  }
}

/**
 * A data directory of Gatehouse as it is when all leases are over, the deleted images' rows are gone, and what they
 * held waits on the review list.
 * @param allDue every link waits there, as after a first day of pushes; else only what a deletion released.
 */
export function buildGatehouse(data: string, blobs: number, allDue: boolean): BuiltStore {
  mkdirSync(join(data, 'run'), { recursive: true, mode: 0o700 });
  const database = openDatabase(join(data, 'registry.db'), { migrations, synchronous: 'NORMAL' });
  const repository = database.prepare(
    'INSERT INTO repositories (name, created_at) VALUES (?, 1) ON CONFLICT DO UPDATE SET name = name RETURNING id',
  );
  const blob = database.prepare(
    `INSERT INTO blobs (digest, size, state, storage_key, created_at) VALUES (?, ?, 'present', ?, 1)`,
  );
  const link = database.prepare(
    'INSERT INTO links (repository_id, digest, lease_until, created_at) VALUES (?, ?, 1, 1)',
  );
  const manifest = database.prepare(
    `INSERT INTO manifests (repository_id, digest, media_type, kind, size, lease_until, unheld_since, pushed_at,
       actor, request_id, client_address, content)
     VALUES (?, ?, 'application/vnd.oci.image.manifest.v1+json', 'image', ?, 1, 1, 1, 'bench', '-', '-', ?)
     RETURNING id`,
  );
  const edge = database.prepare(
    'INSERT INTO manifest_blobs (repository_id, digest, manifest_id) VALUES (?, ?, ?)',
  );
  const tag = database.prepare(
    `INSERT INTO tags (repository_id, name, digest, updated_at, actor, request_id, client_address)
     VALUES (?, ?, ?, 1, 'bench', '-', '-')`,
  );
  const due = database.prepare(
    `INSERT INTO review (kind, repository_id, digest, due_at) VALUES ('link', ?, ?, 1)`,
  );
  const built = { blobs: 0, garbage: 0 };
  database.exec('BEGIN IMMEDIATE');
  for (const image of images(blobs)) {
    const { id } = repository.get(image.repository) as { id: number };
    let manifestId = 0;
    if (!image.isGarbage) {
      const row = manifest.get(id, image.digest, image.manifest.length, image.manifest) as { id: number };
      manifestId = row.id;
      tag.run(id, image.tag, image.digest);
    }
    for (const { digest, bytes } of image.blobs) {
      const hex = digest.slice('sha256:'.length);
      const key = `sha256/${hex.slice(0, 2)}/${hex}.bench`;
      write(join(data, 'blobs', key), bytes);
      blob.run(digest, bytes.length, key);
      link.run(id, digest);
      if (image.isGarbage) built.garbage++;
      else edge.run(id, digest, manifestId);
      if (image.isGarbage || allDue) due.run(id, digest);
      built.blobs++;
    }
  }
  database.exec('COMMIT; PRAGMA wal_checkpoint(TRUNCATE); ANALYZE');
  database.close();
  return built;
}

/** The same images as docker-registry stores them; of the deleted ones the revision is gone. */
export function buildPeer(root: string, blobs: number): BuiltStore {
  const base = join(root, 'docker', 'registry', 'v2');
  const built = { blobs: 0, garbage: 0 };
  const store = (digest: string, bytes: Buffer) => {
    const hex = digest.slice('sha256:'.length);
    write(join(base, 'blobs', 'sha256', hex.slice(0, 2), hex, 'data'), bytes);
  };
  for (const image of images(blobs)) {
    const repository = join(base, 'repositories', image.repository);
    const linkTo = (folder: string, digest: string) =>
      write(join(repository, folder, 'sha256', digest.slice('sha256:'.length), 'link'), Buffer.from(digest));
    for (const { digest, bytes } of image.blobs) {
      store(digest, bytes);
      linkTo('_layers', digest);
      built.blobs++;
    }
    // An image that was deleted, or lost its revision: its manifest's own blob goes as well.
    store(image.digest, image.manifest);
    if (image.isGarbage) built.garbage += image.blobs.length;
    else {
      linkTo('_manifests/revisions', image.digest);
      write(join(repository, '_manifests', 'tags', image.tag, 'current', 'link'), Buffer.from(image.digest));
      linkTo(`_manifests/tags/${image.tag}/index`, image.digest);
    }
  }
  return built;
}

const made = new Set<string>();

function write(path: string, bytes: Buffer): void {
  const directory = dirname(path);
  if (!made.has(directory)) {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    // The peer has a directory for each blob; remembering those would only cost memory.
    if (made.size < 10_000) made.add(directory);
  }
  writeFileSync(path, bytes);
}

function digestOf(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}
