import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { FilesystemStore } from '../../registry-core/storage/filesystem.ts';
import { failingCalls } from '../gc/faults-calls.ts';
import { temporaryDirectory } from '../support/files.ts';
import { testBlobStore } from './blob-store.ts';
import { digestFor, storeBlob } from './blob-store-uploads.ts';

const places = new WeakMap<TestContext, Promise<string>>();

function placeOf(t: TestContext): Promise<string> {
  const known = places.get(t);
  if (known) return known;
  const place = temporaryDirectory(t, 'store').then((directory) => join(directory, 'root'));
  places.set(t, place);
  return place;
}

testBlobStore('filesystem', async (t) => FilesystemStore.open(await placeOf(t)));
testBlobStore('filesystem of a collector', async (t) =>
  FilesystemStore.open(await placeOf(t), { mayBlock: true }),
);

const mode = (path: string) => (statSync(path).mode & 0o777).toString(8);

test('files are readable by their owner alone, directories too, whatever the umask', async (t) => {
  const before = process.umask(0);
  try {
    const root = await placeOf(t);
    const store = await FilesystemStore.open(root);
    await store.createUpload(randomUUID());
    await storeBlob(store, Buffer.from('content'));
    const entries = readdirSync(root, { recursive: true, withFileTypes: true });
    assert.deepEqual(
      entries.map((entry) => entry.isDirectory()).sort(),
      [false, false, true, true, true, true],
      'blobs, sha256, two digits, uploads; an upload and a blob',
    );
    for (const entry of entries) {
      const path = join(entry.parentPath, entry.name);
      assert.equal(mode(path), entry.isDirectory() ? '700' : '600', path);
    }
    assert.equal(mode(root), '700');
  } finally {
    process.umask(before);
  }
});

test('the tree is the one of the design, and locate names files in it', async (t) => {
  const root = await placeOf(t);
  const store = await FilesystemStore.open(root);
  for (const algorithm of ['sha256', 'sha512']) {
    const digest = digestFor('content', algorithm);
    const hex = digest.slice(7);
    const key = store.newKey(digest);
    assert.match(key, new RegExp(`^${algorithm}/${hex.slice(0, 2)}/${hex}\\.[0-9a-z]{16,}$`));
    const id = randomUUID();
    await store.createUpload(id);
    const file = await store.openUpload(id, 0);
    await file.append([Buffer.from('content')]);
    await file.close();
    assert.equal(readFileSync(join(root, 'uploads', id), 'utf8'), 'content');
    await store.commitUpload(id, key);
    assert.deepEqual(store.locate(key), { form: 'file', path: `/blobs/${key}` });
    assert.equal(readFileSync(join(root, 'blobs', key), 'utf8'), 'content');
  }
});

test('a root that is there already, and one whose parents are not', async (t) => {
  const root = await placeOf(t);
  const key = await storeBlob(await FilesystemStore.open(join(root, 'deep', 'er')), Buffer.from('content'));
  await mkdir(join(root, 'other', 'blobs'), { recursive: true });
  await FilesystemStore.open(join(root, 'other'));
  const again = await FilesystemStore.open(join(root, 'deep', 'er'));
  assert.equal(await again.size(key), 7);
});

test('every directory that lost a name is synced once, after its last removal', async (t) => {
  const root = await placeOf(t);
  const store = await FilesystemStore.open(root);
  const two = digestFor('two');
  const stored = [await storeBlob(store, Buffer.from('one')), await storeBlob(store, Buffer.from('two'))];
  // Somebody who crashed had unlinked the first one; another key of the second was never used.
  await (await FilesystemStore.open(root)).remove(stored[0]!);
  const id = randomUUID();
  await store.createUpload(id);
  const calls = failingCalls(t);
  for (const key of [...stored, store.newKey(two), store.newKey(digestFor('three'))]) await store.remove(key);
  await store.discardUpload(id);
  assert.equal(calls.passed().filter(({ call }) => call === 'unlink').length, 5);
  await store.syncRemovals();
  const there = [...stored.map((key) => join(root, 'blobs', key, '..')), join(root, 'uploads')];
  const synced = calls.passed().filter(({ call }) => call === 'sync');
  assert.deepEqual(synced.map(({ path }) => path).toSorted(), there.toSorted(), 'one was never made');
  await store.syncRemovals();
  assert.deepEqual(calls.passed(), [], 'nothing is left to sync');
});

test('a sync of removals that fails is not forgotten, and who asks meanwhile does not believe in it', async (t) => {
  const root = await placeOf(t);
  const store = await FilesystemStore.open(root);
  const [first, second] = [randomUUID(), randomUUID()];
  await Promise.all([store.createUpload(first), store.createUpload(second)]);
  const calls = failingCalls(t);
  await store.discardUpload(first);
  calls.fail('sync', 'EIO', /uploads/);
  const both = await Promise.allSettled([store.syncRemovals(), store.syncRemovals()]);
  assert.deepEqual(
    both.map(({ status }) => status),
    ['rejected', 'rejected'],
  );
  calls.heal();
  calls.passed();
  const begun = store.syncRemovals();
  await store.discardUpload(second);
  await Promise.all([begun, store.syncRemovals()]);
  assert.deepEqual(
    calls.passed().flatMap(({ call }) => (['unlink', 'sync'].includes(call) ? [call] : [])),
    ['unlink', 'sync', 'sync'],
  );
});

test('a crash between making a directory and the rename does not stop the repetition', async (t) => {
  const root = await placeOf(t);
  const store = await FilesystemStore.open(root);
  const key = store.newKey(digestFor('content'));
  await mkdir(join(root, 'blobs', key, '..'), { recursive: true });
  const id = randomUUID();
  await store.createUpload(id);
  await store.commitUpload(id, key);
  assert.equal(await store.size(key), 0);
});
