import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { request } from '../support/http.ts';
import { digestOf, pushBlob, pushImage } from '../support/push.ts';
import { getManifest, imageOf, putManifest } from './manifests.ts';
import { rowsOf, startCore, type TestCore } from './support.ts';
import { getBlob, someBytes } from './uploading.ts';

const many = <Result>(count: number, work: (number: number) => Promise<Result>) =>
  Promise.all(Array.from({ length: count }, (_, number) => work(number)));

function blobFiles({ config }: TestCore): number {
  const entries = readdirSync(join(config['storage.root'], 'blobs'), {
    recursive: true,
    withFileTypes: true,
  });
  return entries.filter((entry) => entry.isFile()).length;
}

test('the same blob pushed by many at once: all succeed, one file stays', async (t) => {
  const core = await startCore(t);
  const bytes = someBytes(500_000);
  await many(20, () => pushBlob(core, 'app', bytes));
  assert.deepEqual((await getBlob(core, 'app', digestOf(bytes))).body, bytes);
  assert.equal(blobFiles(core), 1);
  assert.deepEqual(rowsOf(core.config, 'SELECT * FROM doomed_keys'), []);
});

test('the same blob pushed to many repositories at once: one file, a link for each', async (t) => {
  const core = await startCore(t);
  const bytes = someBytes(100_000);
  await many(20, (number) => pushBlob(core, `app-${number}`, bytes));
  assert.equal(rowsOf(core.config, 'SELECT 1 FROM links').length, 20);
  assert.equal(blobFiles(core), 1);
  for (const number of [0, 7, 19]) {
    assert.deepEqual((await getBlob(core, `app-${number}`, digestOf(bytes))).body, bytes);
  }
});

test('a blob is readable all the time while others push it again', async (t) => {
  const core = await startCore(t);
  const bytes = someBytes(300_000);
  await pushBlob(core, 'app', bytes);
  const pushes = many(10, () => pushBlob(core, 'app', bytes));
  const pulls = many(40, () => getBlob(core, 'app', digestOf(bytes)));
  for (const pull of await pulls) assert.equal(digestOf(pull.body), digestOf(bytes));
  await pushes;
});

test('the same image pushed by many at once under one tag: all succeed', async (t) => {
  const core = await startCore(t);
  const layers = [someBytes(100_000), someBytes(1000), 'small'];
  const images = await many(10, () => pushImage(core, 'app', 'latest', { layers }));
  assert.equal(new Set(images.map(({ digest }) => digest)).size, 1);
  assert.deepEqual((await getManifest(core, 'app', 'latest')).body, images[0]!.manifest);
  assert.equal(blobFiles(core), 4);
  assert.equal(rowsOf(core.config, 'SELECT 1 FROM manifests').length, 1);
});

test('different manifests under one tag at once: all are stored, the tag is one of them', async (t) => {
  const core = await startCore(t);
  const manifests = await many(10, (number) => imageOf(core, 'app', String(number)));
  const answers = await Promise.all(
    manifests.map((manifest) => putManifest(core, 'app', 'latest', manifest)),
  );
  for (const answer of answers) assert.equal(answer.status, 201);
  const tagged = digestOf((await getManifest(core, 'app', 'latest')).body);
  assert.ok(manifests.map(digestOf).includes(tagged));
  for (const manifest of manifests) {
    assert.deepEqual((await getManifest(core, 'app', digestOf(manifest))).body, manifest);
  }
});

test('pushes to new repositories beside deletions that empty them', async (t) => {
  const core = await startCore(t);
  await many(10, async (number) => {
    const { digest } = await pushImage(core, 'app', `v${number}`, { layers: [`layer ${number}`] });
    const answer = await request(core, { method: 'DELETE', path: `/v2/app/manifests/${digest}` });
    assert.equal(answer.status, 202);
  });
  assert.deepEqual(rowsOf(core.config, 'SELECT * FROM tags'), []);
  assert.deepEqual((await request(core, { path: '/v2/_catalog' })).json.repositories, []);
});
