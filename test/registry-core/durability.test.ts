import assert from 'node:assert/strict';
import test from 'node:test';
import { temporaryDirectory } from '../support/files.ts';
import { request } from '../support/http.ts';
import { digestOf, pushBlob } from '../support/push.ts';
import { deleteManifest, getManifest, imageOf, putManifest } from './manifests.ts';
import { rowsOf, startCoreProcess } from './support.ts';
import { getBlob, someBytes } from './uploading.ts';

test('what was acknowledged is there after kill -9', async (t) => {
  const data = await temporaryDirectory(t, 'durable');
  const first = await startCoreProcess(t, data);
  const bytes = someBytes(1_000_000);
  const manifest = await imageOf(first, 'app', 'kept');
  const deleted = await imageOf(first, 'app', 'deleted');
  await putManifest(first, 'app', 'deleted', deleted);
  assert.equal((await deleteManifest(first, 'app', digestOf(deleted))).status, 202);
  await pushBlob(first, 'app', bytes);
  const mount = `/v2/copy/blobs/uploads/?mount=${digestOf(bytes)}&from=app`;
  assert.equal((await request(first, { method: 'POST', path: mount })).status, 201);
  assert.equal((await putManifest(first, 'app', 'kept', manifest)).status, 201);
  await first.kill();

  const second = await startCoreProcess(t, data);
  assert.deepEqual((await getManifest(second, 'app', 'kept')).body, manifest);
  for (const repository of ['app', 'copy']) {
    assert.deepEqual((await getBlob(second, repository, digestOf(bytes))).body, bytes);
  }
  assert.equal((await getManifest(second, 'app', 'deleted')).status, 404);
});

test('kill -9 while many push: each push that was acknowledged is whole, the others can be repeated', async (t) => {
  const data = await temporaryDirectory(t, 'durable');
  const first = await startCoreProcess(t, data);
  const contents = Array.from({ length: 200 }, () => someBytes(20_000));
  const waiting = contents.values();
  const acknowledged: Buffer[] = [];
  const { promise: enough, resolve } = Promise.withResolvers<void>();
  const pushing = Array.from({ length: 10 }, async () => {
    for (const bytes of waiting) {
      await pushBlob(first, 'app', bytes);
      if (acknowledged.push(bytes) === 50) resolve();
    }
  });
  await enough;
  await Promise.all([first.kill(), Promise.allSettled(pushing)]);

  const second = await startCoreProcess(t, data);
  for (const bytes of acknowledged) {
    assert.deepEqual((await getBlob(second, 'app', digestOf(bytes))).body, bytes);
  }
  assert.ok(acknowledged.length < contents.length, 'some were cut off');
  for (const bytes of contents) await pushBlob(second, 'app', bytes);
  assert.equal(rowsOf(second.config, 'SELECT 1 FROM links').length, contents.length);
});

test('a second core on the same data directory waits for the first, and starts when that one is killed', async (t) => {
  const data = await temporaryDirectory(t, 'durable');
  const first = await startCoreProcess(t, data);
  const bytes = someBytes(1000);
  await pushBlob(first, 'app', bytes);
  const starting = startCoreProcess(t, data);
  await first.kill();
  const second = await starting;
  assert.deepEqual((await getBlob(second, 'app', digestOf(bytes))).body, bytes);
});
