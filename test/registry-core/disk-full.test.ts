import assert from 'node:assert/strict';
import test from 'node:test';
import type { BlobStore, UploadFile } from '../../registry-core/storage/blob-store.ts';
import { smallDisk } from '../support/disk.ts';
import { request } from '../support/http.ts';
import { digestOf, pushBlob, pushImage } from '../support/push.ts';
import { notRoot } from '../support/tools.ts';
import { artifact, putManifest } from './manifests.ts';
import { assertError, replacing, startCore, type TestCore } from './support.ts';
import { finish, getBlob, openUpload, patch, someBytes, statusOf } from './uploading.ts';

const mebibyte = 1024 * 1024;

test('a full disk under the blobs: 507, what was acknowledged is there, and the upload goes on', {
  skip: notRoot(),
}, async (t) => {
  const disk = await smallDisk(t, '4m');
  const core = await startCore(t, { settings: { 'storage.root': disk.path } });
  const kept = await pushBlob(core, 'full', someBytes(1000));
  const bytes = someBytes(2 * mebibyte);
  const at = await openUpload(core, 'full');
  assert.equal((await patch(core, at, bytes.subarray(0, mebibyte))).status, 202);
  await disk.fill();
  assert.ok(disk.isFull());
  assertError(await patch(core, at, bytes.subarray(mebibyte)), 507, 'STORAGE_FULL');
  assertError(await finish(core, at, digestOf(bytes), bytes.subarray(mebibyte)), 507, 'STORAGE_FULL');
  assert.equal(await statusOf(core, at), `0-${mebibyte - 1}`);
  assert.equal(digestOf((await getBlob(core, 'full', kept)).body), kept);
  disk.free();
  assert.equal((await finish(core, at, digestOf(bytes), bytes.subarray(mebibyte))).status, 201);
  assert.deepEqual((await getBlob(core, 'full', digestOf(bytes))).body, bytes);
});

test('a disk that is full under everything: each write is 507, reads go on, and room is all it takes', {
  skip: notRoot(),
}, async (t) => {
  const disk = await smallDisk(t, '16m');
  const core = await startCore(t, { data: disk.path });
  const image = await pushImage(core, 'full', 'latest');
  await disk.fill();
  await assertFull(core);
  const path = '/v2/full/manifests/latest';
  assert.deepEqual((await request(core, { path })).body, image.manifest);
  assert.equal((await getBlob(core, 'full', image.layers[0]!.digest)).text, 'one layer');
  disk.free();
  assert.deepEqual((await request(core, { path })).body, image.manifest);
  await pushImage(core, 'full', 'after', { layers: [someBytes(mebibyte)] });
});

/** Small writes fit into pages that SQLite has already; a few of them, and there are none. */
async function assertFull(core: TestCore): Promise<void> {
  for (let attempt = 0; attempt < 2000; attempt++) {
    const answer = await request(core, { method: 'POST', path: '/v2/full/blobs/uploads/' });
    if (answer.status === 202) continue;
    assertError(answer, 507, 'STORAGE_FULL');
    const manifest = artifact({ annotations: { long: 'x'.repeat(200_000) } });
    assertError(await putManifest(core, 'full', 'other', manifest), 507, 'STORAGE_FULL');
    return;
  }
  assert.fail('the disk never was full');
}

const places: [name: string, break_: (store: BlobStore, fail: () => void) => Partial<BlobStore>][] = [
  [
    'writing',
    (store, fail) => onFile(store, (file) => ({ append: failing(fail, (chunks) => file.append(chunks)) })),
  ],
  ['renaming', (store, fail) => ({ commitUpload: failing(fail, (id, key) => store.commitUpload(id, key)) })],
];

for (const [name, break_] of places) {
  test(`no space when ${name}: 507, and the same PUT succeeds when there is some`, async (t) => {
    let full = false;
    const fail = () => {
      if (full) throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
    };
    const core = await startCore(t, { wrapStore: (store) => replacing(store, break_(store, fail)) });
    const bytes = someBytes(mebibyte);
    const at = await openUpload(core, 'full');
    await patch(core, at, bytes.subarray(0, 1000));
    full = true;
    for (let round = 0; round < 2; round++) {
      const answer = await finish(core, at, digestOf(bytes), bytes.subarray(1000), {
        'content-range': `1000-${mebibyte - 1}`,
      });
      // Once the bytes are all there the status says so, and a repeated chunk would be out of order.
      if (answer.status !== 416) assertError(answer, 507, 'STORAGE_FULL');
    }
    full = false;
    const rest = name === 'writing' ? bytes.subarray(1000) : undefined;
    const answer = await finish(core, at, digestOf(bytes), rest);
    assert.equal(answer.status, 201, answer.text);
    assert.deepEqual((await getBlob(core, 'full', digestOf(bytes))).body, bytes);
  });
}

function onFile(store: BlobStore, methods: (file: UploadFile) => Partial<UploadFile>): Partial<BlobStore> {
  return {
    async openUpload(id, offset) {
      const file = await store.openUpload(id, offset);
      return replacing(file, methods(file));
    },
  };
}

function failing<Parameters extends unknown[], Result>(
  fail: () => void,
  method: (...parameters: Parameters) => Promise<Result>,
) {
  return async (...parameters: Parameters): Promise<Result> => {
    fail();
    return method(...parameters);
  };
}
