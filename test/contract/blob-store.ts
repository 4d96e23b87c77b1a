import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import test from 'node:test';
import { testListing } from './blob-store-listing.ts';
import { testTrash } from './blob-store-trash.ts';
import {
  digestFor,
  type OpenStore,
  storeBlob,
  testCommit,
  testPlacing,
  testUploads,
} from './blob-store-uploads.ts';

const missing = { code: 'ENOENT' };

/** What every driver has to do, whatever it keeps its bytes in. */
export function testBlobStore(name: string, open: OpenStore): void {
  testKeys(name, open);
  testUploads(name, open);
  testCommit(name, open);
  testPlacing(name, open);
  testBlobs(name, open);
  testTrash(name, open);
  testListing(name, open);
}

function testKeys(name: string, open: OpenStore): void {
  test(`${name}: a key is never made twice, not even for the same digest by two openers`, async (t) => {
    const stores = [await open(t), await open(t)];
    for (const algorithm of ['sha256', 'sha512']) {
      const keys = stores.flatMap((store) =>
        Array.from({ length: 500 }, () => store.newKey(digestFor('the same', algorithm))),
      );
      assert.equal(new Set(keys).size, 1000);
    }
  });

  test(`${name}: ids and keys that are not its own are refused`, async (t) => {
    const store = await open(t);
    for (const bad of [
      '',
      '..',
      '../../etc/passwd',
      '/etc/passwd',
      'a/b',
      'x\0y',
      randomUUID().toUpperCase(),
    ]) {
      await assert.rejects(async () => store.createUpload(bad), /not a session id/);
      await assert.rejects(async () => store.uploadSize(bad), /not a session id/);
      await assert.rejects(async () => store.discardUpload(bad), /not a session id/);
    }
    const good = store.newKey(digestFor('x'));
    for (const bad of ['', '..', `../${good}`, `${good}/..`, `/${good}`, good.toUpperCase(), `${good}\0`]) {
      await assert.rejects(async () => store.size(bad), /not a storage key/);
      await assert.rejects(async () => store.read(bad, 0, 0), /not a storage key/);
      await assert.rejects(async () => store.remove(bad), /not a storage key/);
    }
  });
}

function testBlobs(name: string, open: OpenStore): void {
  test(`${name}: reads are parts, both ends included`, async (t) => {
    const store = await open(t);
    const bytes = Buffer.from(Array.from({ length: 1_000_000 }, (_, at) => at % 251));
    const key = await storeBlob(store, bytes);
    const parts: [start: number, end: number][] = [
      [0, 999_999],
      [0, 0],
      [999_999, 999_999],
      [262_143, 262_145],
    ];
    for (const [start, end] of parts) {
      assert.deepEqual(await buffer(await store.read(key, start, end)), bytes.subarray(start, end + 1));
    }
  });

  test(`${name}: two keys of one digest are two blobs`, async (t) => {
    const store = await open(t);
    const keys = [await storeBlob(store, Buffer.from('same')), await storeBlob(store, Buffer.from('same'))];
    assert.equal(await store.remove(keys[0]!), 4);
    assert.deepEqual(await buffer(await store.read(keys[1]!, 0, 3)), Buffer.from('same'));
  });

  test(`${name}: remove says what it freed; a second time, or of nothing, it says so`, async (t) => {
    const store = await open(t);
    const key = await storeBlob(store, Buffer.from('content'));
    assert.equal(await store.remove(key), 7);
    assert.equal(await store.remove(key), undefined);
    assert.equal(await store.remove(store.newKey(digestFor('never'))), undefined);
    assert.equal(await store.size(key), undefined);
    await assert.rejects(store.read(key, 0, 0), missing);
  });

  test(`${name}: removals are made durable when asked, also of nothing, twice, and many at once`, async (t) => {
    const store = await open(t);
    await store.syncRemovals();
    const keys = await Promise.all(
      ['one', 'two', 'three'].map((text) => storeBlob(store, Buffer.from(text))),
    );
    await Promise.all(
      keys.map(async (key) => {
        await store.remove(key);
        await store.syncRemovals();
      }),
    );
    await store.discardUpload(randomUUID());
    await store.remove(store.newKey(digestFor('never')));
    await store.syncRemovals();
    await store.syncRemovals();
    for (const key of keys) assert.equal(await store.size(key), undefined);
  });

  test(`${name}: who has begun to read a blob reads it to its end, whatever is removed`, async (t) => {
    const store = await open(t);
    const bytes = Buffer.alloc(3_000_000, 'x');
    const key = await storeBlob(store, bytes);
    const reading = await store.read(key, 0, bytes.length - 1);
    await store.remove(key);
    assert.deepEqual(await buffer(reading), bytes);
  });

  test(`${name}: a blob of no bytes`, async (t) => {
    const store = await open(t);
    const key = await storeBlob(store, Buffer.alloc(0));
    assert.equal(await store.size(key), 0);
    assert.equal(await store.remove(key), 0);
  });

  test(`${name}: a location is one of three forms`, async (t) => {
    const store = await open(t);
    const location = store.locate(await storeBlob(store, Buffer.from('content')));
    assert.ok(['file', 'redirect', 'stream'].includes(location.form));
  });
}
