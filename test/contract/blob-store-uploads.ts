import assert from 'node:assert/strict';
import { createHash, randomUUID } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import test, { type TestContext } from 'node:test';
import type { Digest } from '../../oci/digest.ts';
import type { BlobStore } from '../../registry-core/storage/blob-store.ts';

/** Opens a driver on a place of its own; called twice with the same test, it opens the same place again. */
export type OpenStore = (t: TestContext) => Promise<BlobStore>;

export function digestFor(text: string | Buffer, algorithm = 'sha256'): Digest {
  return `${algorithm}:${createHash(algorithm).update(text).digest('hex')}` as Digest;
}

/** Brings bytes all the way, and hands back their key. */
export async function storeBlob(store: BlobStore, bytes: Buffer): Promise<string> {
  const id = await upload(store, bytes);
  const key = store.newKey(digestFor(bytes));
  await store.commitUpload(id, key);
  return key;
}

async function upload(store: BlobStore, bytes: Buffer): Promise<string> {
  const id = randomUUID();
  await store.createUpload(id);
  await append(store, id, 0, bytes);
  return id;
}

async function append(store: BlobStore, id: string, offset: number, ...chunks: Buffer[]): Promise<number> {
  const file = await store.openUpload(id, offset);
  try {
    await file.append(chunks);
    await file.sync();
    return file.offset;
  } finally {
    await file.close();
  }
}

const missing = { code: 'ENOENT' };

/** Uploads, as every driver has to keep them. */
export function testUploads(name: string, open: OpenStore): void {
  test(`${name}: an upload grows by what is appended, chunk after chunk, opening after opening`, async (t) => {
    const store = await open(t);
    const id = randomUUID();
    await store.createUpload(id);
    assert.equal(await store.uploadSize(id), 0);
    const chunks = ['one ', '', 'two '].map((text) => Buffer.from(text));
    assert.equal(await append(store, id, 0, ...chunks), 8);
    assert.equal(await append(store, id, 8), 8, 'nothing is nothing');
    assert.equal(await append(store, id, 8, Buffer.from('three')), 13);
    assert.equal(await store.uploadSize(id), 13);
    assert.equal((await buffer(store.readUpload(id, 13))).toString(), 'one two three');
    assert.equal((await buffer(store.readUpload(id, 5))).toString(), 'one t');
  });

  test(`${name}: many chunks in one append, more than one call of a system takes`, async (t) => {
    const store = await open(t);
    const chunks = Array.from({ length: 3000 }, (_, number) => Buffer.alloc(number % 7, number % 256));
    const id = await upload(store, Buffer.concat(chunks));
    const other = randomUUID();
    await store.createUpload(other);
    const size = await append(store, other, 0, ...chunks);
    assert.deepEqual(await buffer(store.readUpload(other, size)), await buffer(store.readUpload(id, size)));
  });

  test(`${name}: opening at an offset cuts off what a crash left beyond it`, async (t) => {
    const store = await open(t);
    const id = await upload(store, Buffer.from('kept lost'));
    assert.equal(await append(store, id, 5), 5);
    assert.equal(await store.uploadSize(id), 5);
    await append(store, id, 5, Buffer.from('new'));
    assert.equal((await buffer(store.readUpload(id, 8))).toString(), 'kept new');
  });

  test(`${name}: truncate cuts off what was appended, and writing goes on there`, async (t) => {
    const store = await open(t);
    const id = await upload(store, Buffer.from('kept'));
    const file = await store.openUpload(id, 4);
    await file.append([Buffer.from(' lost')]);
    await file.truncate(4);
    assert.equal(file.offset, 4);
    await file.append([Buffer.from(' new')]);
    await file.close();
    assert.equal((await buffer(store.readUpload(id, 8))).toString(), 'kept new');
  });

  test(`${name}: opening beyond the end is an error and changes nothing`, async (t) => {
    const store = await open(t);
    const id = await upload(store, Buffer.from('short'));
    await assert.rejects(store.openUpload(id, 6), /has 5 bytes, fewer than 6/);
    assert.equal(await store.uploadSize(id), 5);
  });

  test(`${name}: an upload that is not there`, async (t) => {
    const store = await open(t);
    const id = randomUUID();
    assert.equal(await store.uploadSize(id), undefined);
    await assert.rejects(store.openUpload(id, 0), missing);
    await assert.rejects(buffer(store.readUpload(id, 1)), missing);
    await store.discardUpload(id);
  });

  test(`${name}: creating again starts with no bytes; discarding leaves nothing`, async (t) => {
    const store = await open(t);
    const id = await upload(store, Buffer.from('bytes'));
    await store.createUpload(id);
    assert.equal(await store.uploadSize(id), 0);
    assert.equal(await store.discardUpload(id), 0);
    assert.equal(await store.discardUpload(id), undefined);
    assert.equal(await store.uploadSize(id), undefined);
  });
}

/** What turns an upload into a blob. */
export function testCommit(name: string, open: OpenStore): void {
  test(`${name}: commit makes an upload the bytes of a key; the upload is gone`, async (t) => {
    const store = await open(t);
    const bytes = Buffer.from('content');
    const id = await upload(store, bytes);
    const key = store.newKey(digestFor(bytes));
    assert.equal(await store.size(key), undefined);
    await store.commitUpload(id, key);
    assert.equal(await store.size(key), 7);
    assert.equal(await store.uploadSize(id), undefined);
    assert.deepEqual(await buffer(await store.read(key, 0, 6)), bytes);
  });

  test(`${name}: a commit repeated after a crash is safe, by the same opener and by another`, async (t) => {
    const store = await open(t);
    const bytes = Buffer.from('content');
    const id = await upload(store, bytes);
    const key = store.newKey(digestFor(bytes));
    await store.commitUpload(id, key);
    await store.commitUpload(id, key);
    await (await open(t)).commitUpload(id, key);
    assert.deepEqual(await buffer(await store.read(key, 0, 6)), bytes);
  });

  test(`${name}: committing what never was is an error, and makes nothing`, async (t) => {
    const store = await open(t);
    const key = store.newKey(digestFor('x'));
    await assert.rejects(store.commitUpload(randomUUID(), key), missing);
    assert.equal(await store.size(key), undefined);
  });

  test(`${name}: what was committed is there for whoever opens the place next`, async (t) => {
    const bytes = Buffer.from('content');
    const key = await storeBlob(await open(t), bytes);
    assert.deepEqual(await buffer(await (await open(t)).read(key, 0, 6)), bytes);
  });
}

/** What small blobs go through, whose bytes are in the journal until they are durable here. */
export function testPlacing(name: string, open: OpenStore): void {
  test(`${name}: an upload that is placed is the bytes of a key, again and again; those of another are replaced`, async (t) => {
    const store = await open(t);
    const bytes = Buffer.from('content');
    const key = store.newKey(digestFor(bytes));
    const id = await upload(store, bytes);
    await store.placeUpload(id, key);
    await store.placeUpload(id, key);
    assert.equal(await store.uploadSize(id), undefined);
    const again = await upload(store, bytes);
    await store.placeUpload(again, key);
    assert.deepEqual(await buffer(await store.read(key, 0, 6)), bytes);
    await assert.rejects(store.placeUpload(randomUUID(), store.newKey(digestFor('x'))), missing);
  });

  test(`${name}: of keys that are made durable, those that are not there are told`, async (t) => {
    const store = await open(t);
    const keys = [await storeBlob(store, Buffer.from('one')), await storeBlob(store, Buffer.from('two'))];
    const absent = store.newKey(digestFor('three'));
    assert.deepEqual(await store.makeDurable([keys[0]!, absent, keys[1]!]), [absent]);
    assert.deepEqual(await store.makeDurable([]), []);
  });

  test(`${name}: uploads are listed`, async (t) => {
    const store = await open(t);
    const ids = [await upload(store, Buffer.from('one')), await upload(store, Buffer.from('two'))];
    await storeBlob(store, Buffer.from('blob'));
    assert.deepEqual((await store.uploadIds()).toSorted(), ids.toSorted());
  });
}
