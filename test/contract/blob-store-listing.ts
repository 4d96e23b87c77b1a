import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import test from 'node:test';
import type { BlobStore } from '../../registry-core/storage/blob-store.ts';
import { digestFor, type OpenStore, storeBlob } from './blob-store-uploads.ts';

async function listed(store: BlobStore) {
  const found = [];
  for await (const file of store.list()) found.push(file);
  return found;
}

/** What `gatehouse verify` asks of a driver. */
export function testListing(name: string, open: OpenStore): void {
  test(`${name}: a list names every file by what the other methods call it, with its size and age`, async (t) => {
    const store = await open(t);
    assert.deepEqual(await listed(store), []);
    const before = Date.now();
    const key = await storeBlob(store, Buffer.from('content'));
    const trashed = await storeBlob(store, Buffer.from('in the trash'));
    await store.trash(trashed, '2026-11-21');
    const id = randomUUID();
    await store.createUpload(id);
    const files = await listed(store);
    const places = files.map(({ changedAt, ...file }) => {
      // File systems round times, some to two seconds.
      assert.ok(Math.abs(changedAt - before) < 10_000, `${changedAt - before}`);
      return file;
    });
    const wanted = [
      { place: 'blob', key, size: 7 },
      { place: 'trash', key: trashed, day: '2026-11-21', size: 12 },
      { place: 'upload', id, size: 0 },
    ];
    assert.deepEqual(
      places.sort((a, b) => (a.place < b.place ? -1 : 1)),
      wanted,
    );
    await store.remove(key);
    await store.removeTrashed(trashed, '2026-11-21');
    await store.discardUpload(id);
    assert.deepEqual(await listed(store), []);
  });

  test(`${name}: a list goes on when files are removed under it, and knows sha512`, async (t) => {
    const store = await open(t);
    const keys = await Promise.all(
      Array.from({ length: 20 }, (_, at) => storeBlob(store, Buffer.from(`blob ${at}`))),
    );
    const long = store.newKey(digestFor('x', 'sha512'));
    const id = randomUUID();
    await store.createUpload(id);
    await store.commitUpload(id, long);
    for await (const _ of store.list()) for (const key of keys) await store.remove(key);
    const [left, ...others] = await listed(store);
    assert.deepEqual([left?.place === 'blob' && left.key, others], [long, []]);
  });
}
