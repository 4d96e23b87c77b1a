import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { GatheredWrites } from '../../registry-core/gathered-writes.ts';
import { DirectWrites, mayWriteDirectly } from '../../registry-core/storage/direct-writes.ts';
import { FilesystemStore } from '../../registry-core/storage/filesystem.ts';
import {
  giveUploadBufferBack,
  largeBytes,
  takeUploadBuffer,
  type UploadBuffer,
} from '../../registry-core/upload-buffers.ts';
import { temporaryDirectory } from '../support/files.ts';
import { digestOf } from '../support/push.ts';
import { startCore } from './support.ts';
import { finish, getBlob, openUpload, patch } from './uploading.ts';

const block = 4096;

test('a large buffer goes to the disk directly; what does not begin and end with a block does not', async (t) => {
  const directory = await temporaryDirectory(t, 'direct');
  assert.equal(await mayWriteDirectly(directory), true);
  const path = join(directory, 'file');
  await writeFile(path, '');
  const direct = new DirectWrites(path);
  const { bytes, isLarge } = takeUploadBuffer(2 ** 30);
  assert.equal(isLarge, true);
  const content = randomBytes(largeBytes);
  bytes.set(content);
  assert.equal(await direct.write(bytes, 0), largeBytes);
  assert.equal(await direct.write(bytes, 1), 0);
  assert.equal(await direct.write(bytes.subarray(0, largeBytes - 1), largeBytes), 0);
  assert.equal(await direct.write(bytes.subarray(1, largeBytes - block + 1), largeBytes), 0);
  assert.equal(await direct.write(bytes.subarray(0, block), largeBytes), 0);
  await direct.close();
  assert.ok(content.equals(await readFile(path)));
});

test('memory that the system refuses is left to the ordinary way', async (t) => {
  const path = join(await temporaryDirectory(t, 'direct'), 'file');
  await writeFile(path, '');
  const direct = new DirectWrites(path);
  // It says that it begins with a block, and lies where malloc put it.
  const bytes = Buffer.allocUnsafeSlow(largeBytes);
  assert.equal(bytes.byteOffset, 0);
  assert.equal(await direct.write(bytes, 0), 0);
  await direct.close();
});

test('large buffers are for bodies that have shown to be large, and there are only so many', () => {
  assert.equal(takeUploadBuffer(0).isLarge, false);
  const taken: UploadBuffer[] = [];
  do taken.push(takeUploadBuffer(2 ** 30));
  while (taken.at(-1)!.isLarge && taken.length < 1000);
  const large = taken.filter(({ isLarge }) => isLarge).length;
  assert.ok(large > 0 && large * largeBytes <= 32 * 2 ** 20, `${large} buffers`);
  for (const buffer of taken) giveUploadBufferBack(buffer);
});

for (const directWrites of [true, false]) {
  test(`writes of any length from any offset make one file; directly: ${directWrites}`, async (t) => {
    const store = await FilesystemStore.open(await temporaryDirectory(t, 'store'), { directWrites });
    const id = randomUUID();
    await store.createUpload(id);
    const pieces: Buffer[] = [];
    let offset = 0;
    for (const size of [1, block - 1, 5_000_000, 3, 2_500_000, block, 2 * 2 ** 20, 0, 4_000_001]) {
      const piece = randomBytes(size);
      pieces.push(piece);
      const file = await store.openUpload(id, offset);
      const writes = new GatheredWrites(file);
      for (let at = 0; at < size; at += 65_536) {
        await writes.add(new Uint8Array(piece.subarray(at, at + 65_536)));
        if (at % (5 * 65_536) === 0) await writes.flush();
      }
      await writes.flush();
      offset += size;
      assert.equal(file.offset, offset);
      await writes.close();
      await file.close();
    }
    assert.equal(await store.uploadSize(id), offset);
    const read = await store.readUpload(id, offset).toArray();
    assert.ok(Buffer.concat(pieces).equals(Buffer.concat(read)));
  });
}

test('a disk that fails during a write says so to who adds more, and to who closes nothing', async () => {
  const failure = new Error('the disk fails');
  const file = {
    offset: 0,
    append: () => Promise.reject(failure),
    truncate: async () => undefined,
    sync: async () => undefined,
    close: async () => undefined,
  };
  const writes = new GatheredWrites(file);
  const add = async () => {
    for (let index = 0; index < 100; index++) await writes.add(new Uint8Array(65_536));
  };
  await assert.rejects(add, failure);
  await assert.rejects(writes.flush(), failure);
  await writes.close();
});

test('an upload of large chunks that end anywhere is the blob that was sent', async (t) => {
  const core = await startCore(t);
  let at = await openUpload(core, 'large');
  const chunks = [3_000_001, 2 * 2 ** 20, 4_999_999].map((size) => randomBytes(size));
  for (const chunk of chunks) at = (await patch(core, at, chunk)).headers.location!;
  const last = randomBytes(1_700_000);
  const whole = Buffer.concat([...chunks, last]);
  assert.equal((await finish(core, at, digestOf(whole), last)).status, 201);
  const { body } = await getBlob(core, 'large', digestOf(whole));
  assert.ok(whole.equals(body));
});
