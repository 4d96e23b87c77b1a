import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { describe, emptyConfig, image as imageBytes, putManifest } from '../registry-core/manifests.ts';
import { pushBlob } from '../support/push.ts';
import { hour, image, openStores, sha256 } from './support.ts';
import { day, startWithTrash } from './undo-support.ts';
import { problemsOf, verifyStores } from './verify-support.ts';

const foreign = (bytes: Uint8Array) => ({
  mediaType: 'application/vnd.oci.image.layer.nondistributable.v1.tar',
  digest: sha256(bytes),
  size: bytes.length,
  urls: ['https://elsewhere.example/layer'],
});

test('a non-distributable layer that was pushed all the same is held by its image, and goes with it', async (t) => {
  const stores = await openStores(t);
  const bytes = randomBytes(64);
  const [config, layer] = [await stores.pushBlob('app'), await stores.pushBlob('app', bytes)];
  const manifest = await stores.putManifest(
    'app',
    image(config, [], { layers: [foreign(bytes)] }),
    'windows',
  );
  stores.age(30 * 24 * hour);
  await stores.collect();
  assert.equal(await stores.readable('app', layer), true);
  assert.deepEqual(problemsOf(await verifyStores(stores)), []);
  await stores.deleteManifest('app', manifest);
  stores.age(30 * 24 * hour);
  await stores.collect();
  assert.equal(await stores.readable('app', layer), false);
  assert.deepEqual(problemsOf(await verifyStores(stores)), []);
});

test('verify misses no layer that lives elsewhere, and links none of another repository for it', async (t) => {
  const stores = await openStores(t);
  const [config, secret] = [await stores.pushBlob('app'), randomBytes(64)];
  const layers = [foreign(randomBytes(64)), foreign(secret)];
  const layer = await stores.pushBlob('secret', secret);
  const manifest = await stores.putManifest('app', image(config, [], { layers }), 'windows');
  assert.deepEqual(problemsOf(await verifyStores(stores, { repair: true })), []);
  assert.equal(await stores.readable('app', layer), false);
  await stores.deleteManifest('app', manifest);
  stores.age(30 * 24 * hour);
  await stores.collect();
  assert.equal(await stores.readable('app', config), false);
  assert.deepEqual(problemsOf(await verifyStores(stores)), []);
});

test('undo brings back an image and its pushed layers, without the one that nobody pushed', async (t) => {
  const { core, age, collect, undo } = await startWithTrash(t);
  const pushed = randomBytes(64);
  const manifest = imageBytes(emptyConfig, [foreign(pushed), foreign(randomBytes(64))]);
  for (const bytes of ['{}', pushed]) await pushBlob(core, 'app', bytes);
  await putManifest(core, 'app', describe(manifest).digest, manifest);
  age(100 * day);
  const { run, blobs_swept } = await collect();
  assert.equal(blobs_swept, 2);
  const report = await undo(run!);
  assert.deepEqual([report.blobs, report.manifests, report.could_not], [2, 1, []]);
});
