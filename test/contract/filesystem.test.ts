import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { FilesystemStore } from '../../registry-core/storage/filesystem.ts';
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
