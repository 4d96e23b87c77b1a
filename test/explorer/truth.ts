import assert from 'node:assert/strict';
import type { Digest } from '../../oci/digest.ts';
import type { Stage } from './stage.ts';
import { blobs, contents, type Manifest, manifestNames, manifests } from './universe.ts';

const nameOf = new Map(manifestNames.map((name) => [manifests[name].digest as string, name]));

/**
 * What clients were told. An acknowledged tag is there with all that it names until somebody takes it away; a thing
 * that was promised is there for half a lease, unless somebody deletes it on purpose.
 */
export class Truth {
  readonly tags = new Map<string, Manifest>();
  ticks = 0;
  #steps = 0;
  /** When each manifest or blob of a repository was last deleted on purpose. */
  readonly #deleted = new Map<string, number>();

  now(): { tick: number; step: number } {
    return { tick: this.ticks, step: ++this.#steps };
  }

  tagged(repository: string, tag: string, manifest: Manifest): void {
    this.tags.set(`${repository}:${tag}`, manifest);
  }

  untagged(repository: string, tag: string): void {
    this.tags.delete(`${repository}:${tag}`);
  }

  deleted(repository: string, manifest: Manifest): void {
    this.#deleted.set(`${repository} ${manifest}`, ++this.#steps);
    for (const [name, tagged] of this.tags) {
      if (tagged === manifest && name.startsWith(`${repository}:`)) this.tags.delete(name);
    }
  }

  /** Whether what was promised then must still be there. */
  holds(
    promise: { tick: number; step: number } | undefined,
    repository: string,
    names: readonly string[],
  ): boolean {
    if (!promise || this.ticks - promise.tick > 1) return false;
    return names.every((name) => (this.#deleted.get(`${repository} ${name}`) ?? 0) < promise.step);
  }
}

/** Everything that a tagged manifest needs, those that refer to it left out. */
export function partsOf(manifest: Manifest): { manifests: Manifest[]; blobs: (keyof typeof blobs)[] } {
  const found = [manifest, ...contents[manifest].children];
  return { manifests: found, blobs: found.flatMap((name) => contents[name].blobs) };
}

/** Every acknowledged tag leads to whole bytes: rows as the database has them, files as the disk has them. */
export async function assertReadable({ database, store, truth }: Stage): Promise<void> {
  const row = (sql: string, ...parameters: unknown[]) => database.prepare(sql).get(...parameters);
  for (const [name, manifest] of truth.tags) {
    const [repository, tag] = name.split(':');
    const tagged = row(
      'SELECT digest FROM tags JOIN repositories r ON r.id = repository_id WHERE r.name = ? AND tags.name = ?',
      repository,
      tag,
    ) as { digest: string } | undefined;
    assert.equal(tagged?.digest, manifests[manifest].digest, `tag ${name}`);
    const parts = partsOf(manifest);
    for (const part of parts.manifests) {
      const there =
        'SELECT 1 FROM manifests JOIN repositories r ON r.id = repository_id WHERE name = ? AND digest = ?';
      assert.ok(row(there, repository, manifests[part].digest), `${part} of ${name} is gone`);
    }
    for (const blob of parts.blobs) {
      const stored = row(
        `SELECT state, storage_key AS key FROM links JOIN repositories r ON r.id = repository_id JOIN blobs USING (digest)
         WHERE name = ? AND digest = ?`,
        repository,
        blobs[blob].digest,
      ) as { state: string; key: string } | undefined;
      assert.equal(stored?.state, 'present', `${blob} of ${name}`);
      assert.equal(await store.size(stored!.key), blobs[blob].bytes.length, `the file of ${blob} of ${name}`);
    }
  }
}

/** When all is quiet and every lease over, only what tags keep is there, and no file without a row. */
export async function assertSettled({ database, store }: Stage): Promise<void> {
  const digests = (sql: string) => database.prepare(sql).pluck().all() as string[];
  const tagged = digests('SELECT DISTINCT digest FROM tags').map((digest) => nameOf.get(digest)!);
  const needed = new Set(tagged.flatMap((name) => [...partsOf(name).manifests]));
  for (const [name, { subject }] of Object.entries(contents)) {
    if (subject && needed.has(subject)) needed.add(name as Manifest);
  }
  const keptBlobs = new Set<Digest>(
    [...needed].flatMap((name) => contents[name].blobs.map((blob) => blobs[blob].digest)),
  );
  for (const digest of digests('SELECT digest FROM manifests'))
    assert.ok(needed.has(nameOf.get(digest)!), digest);
  for (const digest of digests('SELECT digest FROM blobs'))
    assert.ok(keptBlobs.has(digest as Digest), digest);
  for (const table of ['doomed_keys', 'upload_sessions']) {
    assert.deepEqual(digests(`SELECT count(*) FROM ${table}`), [0], table);
  }
  assert.deepEqual(digests("SELECT digest FROM blobs WHERE state <> 'present'"), []);
  assert.equal(database.pragma('integrity_check', { simple: true }), 'ok');
  const named = new Set(digests('SELECT storage_key FROM blobs'));
  for await (const file of store.list()) {
    assert.ok(file.place === 'blob' && named.delete(file.key), `nothing names ${JSON.stringify(file)}`);
  }
  assert.deepEqual([...named], [], 'blobs without files');
}
