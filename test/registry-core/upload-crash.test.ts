import assert from 'node:assert/strict';
import { statSync, truncateSync } from 'node:fs';
import test from 'node:test';
import { temporaryDirectory } from '../support/files.ts';
import { digestOf } from '../support/push.ts';
import { startCoreProcess, until } from './support.ts';
import {
  finish,
  getBlob,
  openPatch,
  openUpload,
  patch,
  sha512Of,
  someBytes,
  statusOf,
  uploadFile,
} from './uploading.ts';

const size = 300_000;

test('kill -9 between two chunks: the upload goes on where it was acknowledged', async (t) => {
  const data = await temporaryDirectory(t, 'crash');
  const first = await startCoreProcess(t, data);
  const bytes = someBytes(2 * size);
  const at = await openUpload(first, 'crash');
  await patch(first, at, bytes.subarray(0, size));
  await first.kill();

  const second = await startCoreProcess(t, data);
  assert.equal(await statusOf(second, at), `0-${size - 1}`);
  // The hash state is rebuilt from the file.
  assert.equal((await patch(second, at, bytes.subarray(size), `${size}-${2 * size - 1}`)).status, 202);
  assert.equal((await finish(second, at, digestOf(bytes))).status, 201);
  assert.deepEqual((await getBlob(second, 'crash', digestOf(bytes))).body, bytes);
});

test('kill -9 in the middle of a chunk: bytes beyond the row’s offset do not count', async (t) => {
  const data = await temporaryDirectory(t, 'crash');
  const first = await startCoreProcess(t, data);
  const bytes = someBytes(size);
  const at = await openUpload(first, 'crash', '?digest-algorithm=sha512');
  await patch(first, at, bytes.subarray(0, 1000));
  const writer = openPatch(first, at);
  await writer.send(someBytes(2 * size));
  await until(() => statSync(uploadFile(first.config, at)).size > 1000, 'more is in the file');
  await first.kill();
  writer.cut();

  const second = await startCoreProcess(t, data);
  assert.equal(await statusOf(second, at), '0-999');
  assert.equal((await finish(second, at, sha512Of(bytes), bytes.subarray(1000))).status, 201);
  assert.deepEqual((await getBlob(second, 'crash', sha512Of(bytes))).body, bytes);
});

test('a file that lost bytes with the power: the upload goes on at its end', async (t) => {
  const data = await temporaryDirectory(t, 'crash');
  const first = await startCoreProcess(t, data);
  const bytes = someBytes(size);
  const at = await openUpload(first, 'crash');
  await patch(first, at, bytes);
  await first.kill();
  truncateSync(uploadFile(first.config, at), 1234);

  const second = await startCoreProcess(t, data);
  assert.equal(await statusOf(second, at), '0-1233');
  const rest = await patch(second, at, bytes.subarray(1234), `1234-${size - 1}`);
  assert.equal(rest.status, 202);
  assert.equal((await finish(second, at, digestOf(bytes))).status, 201);
});
