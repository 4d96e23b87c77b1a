import assert from 'node:assert/strict';
import { mkdirSync, rmSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { test } from 'node:test';
import { clockAfter, hour, image, index, openStores, type Stores } from './support.ts';

async function filesOf(stores: Stores): Promise<string[]> {
  const entries = await readdir(stores.root, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && !entry.name.startsWith('registry.db'))
    .map((entry) => entry.name);
}

/** Nothing is left that a run should have taken, and the database is sound. */
async function assertSettled(stores: Stores): Promise<void> {
  assert.deepEqual(await filesOf(stores), []);
  for (const table of [
    'blobs',
    'links',
    'manifests',
    'doomed_keys',
    'upload_sessions',
    'repositories',
    'review',
  ]) {
    const { count } = stores.database.prepare(`SELECT count(*) AS count FROM ${table}`).get() as {
      count: number;
    };
    assert.equal(count, 0, table);
  }
  assert.equal(stores.database.pragma('integrity_check', { simple: true }), 'ok');
  assert.deepEqual(stores.database.pragma('foreign_key_check'), []);
}

async function garbage(stores: Stores) {
  const layers = await Promise.all([1, 2, 3].map(() => stores.pushBlob('a/b')));
  const child = await stores.putManifest('a/b', image(layers[0]!, layers));
  const inner = await stores.putManifest('a/b', index([child]));
  const outer = await stores.putManifest('a/b', index([inner]), 'latest');
  stores.age(100 * hour);
  await stores.deleteManifest('a/b', outer);
}

test('a deleted index, nested, is gone with all it held in one run', async (t) => {
  const stores = await openStores(t);
  await garbage(stores);
  const report = await stores.collect();
  assert.deepEqual(
    [report.manifests_deleted, report.links_deleted, report.blobs_swept, report.bytes_freed, report.errors],
    [2, 3, 3, 192, []],
  );
  await assertSettled(stores);
});

test('a run cut off after any transaction is finished by the next one', async (t) => {
  const stores = await openStores(t);
  await garbage(stores);
  // A budget of nothing: one entry a transaction, each a place where a collector may die.
  for (let steps = 0; !(await stores.collection.mark(0)).done; steps++) assert.ok(steps < 100);
  const [first, ...rest] = await stores.collection.condemned('', 10);
  assert.equal(rest.length, 2);
  await stores.store.remove(first!.storageKey);
  const report = await stores.collect();
  assert.equal(report.blobs_swept, 3);
  await assertSettled(stores);
});

test('expired upload sessions go with their bytes', async (t) => {
  const stores = await openStores(t);
  const { id } = await stores.uploads.open('a', 'sha256', stores.context);
  assert.deepEqual(await filesOf(stores), [id]);
  assert.equal((await stores.collect()).uploads_expired, 0);
  stores.age(25 * hour);
  assert.equal((await stores.collect()).uploads_expired, 1);
  await assertSettled(stores);
});

test('a plan says what a run does, and does nothing', async (t) => {
  const stores = await openStores(t);
  await garbage(stores);
  await stores.pushBlob('kept');
  const before = stores.database.serialize();
  const planned = await stores.collection.plan(Date.now());
  assert.deepEqual(stores.database.serialize(), before);
  const report = await stores.collect();
  assert.equal(planned.manifests.length, report.manifests_deleted);
  assert.deepEqual(
    [planned.links, planned.blobs, planned.bytes],
    [report.links_deleted, report.blobs_swept, report.bytes_freed],
  );
  assert.deepEqual([report.held_blobs, report.held_bytes], [1, 64]);
  assert.ok(Date.parse(report.next_due!) > Date.now());
});

test('a file that cannot be removed is reported, stays condemned, and stops nothing', async (t) => {
  const stores = await openStores(t);
  await garbage(stores);
  while (!(await stores.collection.mark(5)).done);
  const [stuck] = await stores.collection.condemned('', 10);
  const path = `${stores.root}/blobs/${stuck!.storageKey}`;
  rmSync(path);
  mkdirSync(path);
  const report = await stores.collect();
  assert.deepEqual([report.blobs_swept, report.errors.map(({ what }) => what)], [2, [stuck!.storageKey]]);
  rmSync(path, { recursive: true });
  assert.deepEqual((await stores.collect()).errors, []);
  await assertSettled(stores);
});

test('a manifest of an unknown type blocks its repository, not the store', async (t) => {
  const stores = await openStores(t);
  const doubtful = await stores.pushBlob('doubtful');
  const manifest = await stores.putManifest('doubtful', image(doubtful, []), 'latest');
  const orphan = await stores.pushBlob('doubtful');
  await stores.pushBlob('plain');
  stores.database
    .prepare("UPDATE manifests SET kind = 'x', media_type = 'application/x' WHERE digest = ?")
    .run(manifest);
  stores.age(100 * hour);
  const planned = await stores.collection.plan(Date.now());
  const report = await stores.collect();
  assert.deepEqual([planned.links, report.links_deleted, report.blobs_swept], [1, 1, 1]);
  assert.match(report.errors[0]!.what, /doubtful/);
  assert.ok(await stores.readable('doubtful', orphan));
});

test('a wall clock that jumped a year deletes nothing by age, until it stood for a whole lease', async (t) => {
  const stores = await openStores(t);
  const blob = await stores.pushBlob('a');
  await stores.collect(clockAfter(1, 1));
  stores.age(8760 * hour);
  const report = await stores.collect(clockAfter(8762, 2));
  assert.deepEqual([report.clock_suspect, report.links_deleted, report.uploads_expired], [true, 0, 0]);
  assert.ok(await stores.readable('a', blob));
  assert.ok((await stores.collect(clockAfter(8772, 12))).clock_suspect);
  const believed = await stores.collect(clockAfter(8787, 27));
  assert.deepEqual([believed.clock_suspect, believed.links_deleted], [false, 1]);
});

test('a clock put back after a jump is trusted at once', async (t) => {
  const stores = await openStores(t);
  await stores.collect(clockAfter(1, 1));
  assert.ok((await stores.collect(clockAfter(8762, 2))).clock_suspect);
  assert.ok(!(await stores.collect(clockAfter(3, 3))).clock_suspect);
});

test('a DELETE says what still waits, and until when', async (t) => {
  const { pushBlob, putManifest, registry, context, deleteManifest, collect } = await openStores(t);
  const [one, two, shared] = [await pushBlob('a'), await pushBlob('a'), await pushBlob('a')];
  const child = await putManifest('a', image(one, [shared]));
  const outer = await putManifest('a', index([child]), 'all');
  await putManifest('a', image(two, [shared]), 'kept');
  const untagged = await registry.deleteTag('a', 'all', context);
  assert.equal(untagged.heldBytes, 64, 'the config of the child; the layer is shared with a tagged image');
  assert.ok(untagged.nextDue! > Date.now() + 6 * 24 * hour, 'the untagged policy');
  const deleted = await deleteManifest('a', outer);
  assert.equal(deleted.heldBytes, 64);
  assert.ok(deleted.nextDue! < Date.now() + 25 * hour, 'the lease of the child');
  const { held_bytes, next_due } = await collect();
  assert.deepEqual([held_bytes, Date.parse(next_due!) <= deleted.nextDue!], [64, true]);
});
