import assert from 'node:assert/strict';
import { mkdirSync, rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { newReport } from '../../gc/report.ts';
import { sweep } from '../../gc/sweep.ts';
import { type CondemnedBlob, openCollection } from '../../registry-core/metadata/collection.ts';
import { FilesystemStore } from '../../registry-core/storage/filesystem.ts';
import { replacing } from '../registry-core/support.ts';
import { onEnd, type Scope } from '../support/scope.ts';
import { hour, openStores, type Stores } from './support.ts';

// A collection where no core serves the store: files are removed by the process itself, many before their rows go.

async function openUnserved(t: Scope, stores: Stores) {
  const collection = openCollection(stores.path, stores.retention, { isServed: () => false });
  onEnd(t, () => collection.close());
  return { collection, store: await FilesystemStore.open(stores.root, { mayBlock: true }) };
}

test('a file that cannot be removed directly is reported, the others go, the next run takes it', async (t) => {
  const stores = await openStores(t);
  const unserved = await openUnserved(t, stores);
  const digests = await Promise.all(['a', 'b', 'c'].map((repository) => stores.pushBlob(repository)));
  const { storageKey: stuck } = (await stores.registry.storedBlob(digests[1]!))!;
  const path = join(stores.root, 'blobs', stuck);
  rmSync(path);
  mkdirSync(path);
  stores.age(100 * hour);
  const report = await stores.collect(undefined, unserved);
  assert.deepEqual([report.blobs_condemned, report.blobs_swept, report.bytes_freed], [3, 2, 128]);
  assert.deepEqual(
    report.errors.map(({ what }) => what),
    [stuck],
  );
  rmdirSync(path);
  const next = await stores.collect(undefined, unserved);
  assert.deepEqual([next.blobs_swept, next.bytes_freed, next.errors], [1, 0, []]);
});

test('rows of removed files are forgotten as many at a time as the store allows', async (t) => {
  const stores = await openStores(t);
  const { collection, store } = await openUnserved(t, stores);
  const insert = stores.database.prepare(
    "INSERT INTO blobs (digest, size, state, storage_key, created_at) VALUES (?, 1, 'condemned', ?, 1)",
  );
  const condemn = () => {
    for (let index = 0; index < 600; index++) {
      const hex = index.toString(16).padStart(64, '0');
      insert.run(`sha256:${hex}`, `sha256/00/${hex}.test`);
    }
  };
  const forgotten: number[] = [];
  const counted = replacing(collection, {
    sweepLimit: async () => limit,
    forgetCondemned: (blobs: readonly CondemnedBlob[]) => {
      forgotten.push(blobs.length);
      return collection.forgetCondemned(blobs);
    },
  });
  let limit = 250;
  condemn();
  const report = newReport(false, new Date());
  await sweep(counted, store, report);
  assert.deepEqual(forgotten.splice(0), [250, 250, 100]);
  // How many more depends on how long they take; never fewer, and none is left.
  limit = 4000;
  condemn();
  await sweep(counted, store, report);
  assert.ok(forgotten.every((count, index) => count >= 250 || index === forgotten.length - 1));
  assert.deepEqual([report.blobs_swept, report.bytes_freed, report.errors], [1200, 0, []]);
});
