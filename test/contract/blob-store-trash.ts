import assert from 'node:assert/strict';
import { buffer } from 'node:stream/consumers';
import test from 'node:test';
import { digestFor, type OpenStore, storeBlob } from './blob-store-uploads.ts';

const missing = { code: 'ENOENT' };
const day = '2026-11-21';

/** The trash: bytes that are no blob any more, and not gone yet. */
export function testTrash(name: string, open: OpenStore): void {
  test(`${name}: what goes into the trash is under its key no longer, and reads as it was`, async (t) => {
    const store = await open(t);
    const key = await storeBlob(store, Buffer.from('content'));
    assert.equal(await store.trash(key, day), 7);
    assert.equal(await store.size(key), undefined);
    assert.equal(await store.trashedSize(key, day), 7);
    await assert.rejects(store.read(key, 0, 6), missing);
    assert.equal(await store.remove(key), undefined);
    await store.syncRemovals();
    assert.deepEqual(await buffer(await (await open(t)).readTrashed(key, day)), Buffer.from('content'));
  });

  test(`${name}: a second time, or of nothing, it says so and harms nothing`, async (t) => {
    const store = await open(t);
    const key = await storeBlob(store, Buffer.from('content'));
    await store.trash(key, day);
    assert.equal(await store.trash(key, day), undefined);
    assert.equal(await store.trash(store.newKey(digestFor('never')), day), undefined);
    await store.syncRemovals();
    assert.deepEqual(await buffer(await store.readTrashed(key, day)), Buffer.from('content'));
  });

  test(`${name}: bytes that were only going to be moved are found where they are`, async (t) => {
    const store = await open(t);
    const key = await storeBlob(store, Buffer.from('content'));
    assert.deepEqual(await buffer(await store.readTrashed(key, day)), Buffer.from('content'));
    assert.equal(await store.removeTrashed(key, day), undefined);
    assert.deepEqual([await store.size(key), await store.trashedSize(key, day)], [7, 7]);
    await store.remove(key);
    assert.equal(await store.trashedSize(key, day), undefined);
    await assert.rejects(store.readTrashed(key, day), missing);
  });

  test(`${name}: the trash gives back what it held, and keeps the rest of the day`, async (t) => {
    const store = await open(t);
    const same = Buffer.from('same');
    const keys = [await storeBlob(store, same), await storeBlob(store, same), await storeBlob(store, same)];
    for (const key of keys) await store.trash(key, day);
    assert.equal(await store.removeTrashed(keys[0]!, day), 4);
    assert.equal(await store.removeTrashed(keys[0]!, day), undefined);
    assert.equal(await store.removeTrashed(keys[1]!, '2026-11-22'), undefined);
    assert.deepEqual(await buffer(await store.readTrashed(keys[1]!, day)), same);
    assert.equal(await store.removeTrashed(keys[1]!, day), 4);
    assert.equal(await store.removeTrashed(keys[2]!, day), 4);
    await store.syncRemovals();
  });

  test(`${name}: one empties the day while another fills it`, async (t) => {
    const [filler, emptier] = [await open(t), await open(t)];
    for (let round = 0; round < 100; round++) {
      const keys = [await storeBlob(filler, Buffer.from('a')), await storeBlob(filler, Buffer.from('b'))];
      await filler.trash(keys[0]!, day);
      await Promise.all([emptier.removeTrashed(keys[0]!, day), filler.trash(keys[1]!, day)]);
      assert.equal(await emptier.removeTrashed(keys[1]!, day), 1, `round ${round}`);
    }
  });

  test(`${name}: who has begun to read from the trash reads to the end`, async (t) => {
    const store = await open(t);
    const bytes = Buffer.alloc(3_000_000, 'x');
    const key = await storeBlob(store, bytes);
    await store.trash(key, day);
    const reading = await store.readTrashed(key, day);
    await store.removeTrashed(key, day);
    assert.deepEqual(await buffer(reading), bytes);
  });

  test(`${name}: the trash refuses days and keys that are none`, async (t) => {
    const store = await open(t);
    const key = await storeBlob(store, Buffer.from('content'));
    for (const bad of ['', '..', '../blobs', '2026-11-21/..', '2026-1-1']) {
      await assert.rejects(async () => store.trash(key, bad), /not a day/);
      await assert.rejects(async () => store.removeTrashed(key, bad), /not a day/);
    }
    await assert.rejects(async () => store.removeTrashed('../x', day), /not a storage key/);
    assert.equal(await store.size(key), 7);
  });
}
