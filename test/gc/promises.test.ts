import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hour, image, index, openStores, subject } from './support.ts';

// What a client was told to exist stays for half a lease at least, whatever is deleted meanwhile. Each test is a
// counter-example to a weaker rule: without the rule in its name, its last push is refused or its last pull broken.

test('a blob uploaded, its manifest not yet (R1)', async (t) => {
  const { pushBlob, putManifest, collect, readable, age } = await openStores(t);
  const blob = await pushBlob('a');
  age(23 * hour);
  await collect();
  await putManifest('a', image(blob, []), 'latest');
  age(1000 * hour);
  await collect();
  assert.ok(await readable('a', blob));
});

test('HEAD renews the lease of a blob that a manifest refers to (R2)', async (t) => {
  const { pushBlob, putManifest, headBlob, deleteManifest, collect, age, readable } = await openStores(t);
  const blob = await pushBlob('a');
  const old = await putManifest('a', image(blob, []), 'latest');
  age(100 * hour);
  assert.ok(await headBlob('a', blob));
  await deleteManifest('a', old);
  age(11 * hour);
  await collect();
  await putManifest('a', image(blob, [blob]), 'latest');
  assert.ok(await readable('a', blob));
});

test('HEAD of a blob without a lease that nothing refers to any more still promises it (R2)', async (t) => {
  const { pushBlob, putManifest, headBlob, deleteManifest, collect, age } = await openStores(t);
  const blob = await pushBlob('a');
  await deleteManifest('a', await putManifest('a', image(blob, [])));
  age(100 * hour);
  assert.ok(await headBlob('a', blob), 'it is still there until a run');
  const report = await collect();
  assert.equal(report.links_deleted, 0);
  await putManifest('a', image(blob, [blob]), 'latest');
});

test('a mount of a blob about to die (R3)', async (t) => {
  const { pushBlob, putManifest, mount, deleteManifest, collect, age, readable } = await openStores(t);
  const blob = await pushBlob('a');
  const old = await putManifest('a', image(blob, []), 'latest');
  age(100 * hour);
  assert.ok(await mount('b', blob, 'a'));
  await deleteManifest('a', old);
  await collect();
  assert.ok(!(await readable('a', blob)), 'the link of the repository it came from is gone');
  age(11 * hour);
  await collect();
  await putManifest('b', image(blob, []), 'latest');
  assert.ok(await readable('b', blob));
});

test('a second mount renews the lease of a link that is there', async (t) => {
  const { pushBlob, putManifest, mount, deleteManifest, collect, age } = await openStores(t);
  const blob = await pushBlob('a');
  await putManifest('a', image(blob, []), 'latest');
  await mount('b', blob, 'a');
  const inB = await putManifest('b', image(blob, []), 'latest');
  age(100 * hour);
  assert.ok(await mount('b', blob, 'a'));
  await deleteManifest('b', inB);
  age(11 * hour);
  await collect();
  await putManifest('b', image(blob, [blob]), 'latest');
});

test('a manifest has a lease: HEAD of a child, its index deleted, a new index pushed', async (t) => {
  const { pushBlob, putManifest, headManifest, deleteManifest, collect, age, readable } = await openStores(t);
  const blob = await pushBlob('a');
  const child = await putManifest('a', image(blob, []));
  const old = await putManifest('a', index([child]), 'latest');
  age(100 * hour);
  assert.ok(await headManifest('a', child));
  await deleteManifest('a', old);
  age(11 * hour);
  await collect();
  await putManifest('a', index([child], { annotations: { again: 'yes' } }), 'latest');
  age(1000 * hour);
  await collect();
  assert.ok(await readable('a', blob));
});

test('PUT of a manifest that is there renews its lease', async (t) => {
  const { pushBlob, putManifest, deleteManifest, collect, age } = await openStores(t);
  const blob = await pushBlob('a');
  const child = await putManifest('a', image(blob, []));
  const old = await putManifest('a', index([child]), 'latest');
  age(100 * hour);
  await putManifest('a', image(blob, []));
  await deleteManifest('a', old);
  age(11 * hour);
  assert.equal((await collect()).manifests_deleted, 0);
  await putManifest('a', index([child], { annotations: { again: 'yes' } }), 'latest');
});

test('a tag or an index that comes while a manifest is under review keeps it (R6)', async (t) => {
  const { pushBlob, putManifest, collection, collect, age, headManifest, readable } = await openStores(t);
  const blob = await pushBlob('a');
  const tagged = await putManifest('a', image(blob, []));
  const listed = await putManifest('a', image(blob, [blob]));
  age(1000 * hour);
  assert.deepEqual((await collection.plan(Date.now())).manifests.length, 2);
  await putManifest('a', image(blob, []), 'latest');
  await putManifest('a', index([listed]), 'all');
  age(1000 * hour);
  await collect();
  assert.ok(
    (await headManifest('a', tagged)) && (await headManifest('a', listed)) && (await readable('a', blob)),
  );
});

test('the last tag removed while the manifest is under review: it goes when policy and lease are over (R7)', async (t) => {
  const { pushBlob, putManifest, registry, context, collect, age } = await openStores(t);
  const blob = await pushBlob('a');
  await putManifest('a', image(blob, []), 'latest');
  age(1000 * hour);
  assert.equal((await collect()).manifests_deleted, 0);
  await registry.deleteTag('a', 'latest', context);
  assert.equal((await collect()).manifests_deleted, 0, 'untagged manifests rest for a week');
  age(6 * 24 * hour);
  assert.equal((await collect()).manifests_deleted, 0);
  age(25 * hour);
  const report = await collect();
  assert.deepEqual([report.manifests_deleted, report.blobs_swept, report.bytes_freed], [1, 1, 64]);
});

test('what was deleted does not exist, at once (R8)', async (t) => {
  const { pushBlob, putManifest, registry, context, headBlob, headManifest, deleteManifest } =
    await openStores(t);
  const blob = await pushBlob('a');
  const manifest = await putManifest('a', image(blob, []), 'latest');
  assert.ok((await headBlob('a', blob)) && (await headManifest('a', manifest)));
  await deleteManifest('a', manifest);
  assert.ok(!(await headManifest('a', manifest)));
  await registry.deleteBlob('a', blob, context);
  assert.ok(!(await headBlob('a', blob)));
});

test('a referrer lives while its subject lives, and goes with it', async (t) => {
  const { pushBlob, putManifest, headManifest, deleteManifest, collect, age, readable } = await openStores(t);
  const [blob, signature] = [await pushBlob('a'), await pushBlob('a')];
  const signed = await putManifest('a', image(blob, []), 'latest');
  const referrer = await putManifest('a', image(signature, [], subject(signed)));
  age(1000 * hour);
  await collect();
  assert.ok(await readable('a', signature));
  await deleteManifest('a', signed);
  const report = await collect();
  assert.equal(report.manifests_deleted, 1);
  assert.ok(!(await headManifest('a', referrer)) && !(await readable('a', signature)));
});

test('a referrer whose subject never comes is kept as long as an untagged manifest', async (t) => {
  const { pushBlob, putManifest, collect, age } = await openStores(t);
  const signature = await pushBlob('a');
  const absent = await pushBlob('elsewhere');
  await putManifest('a', image(signature, [], subject(absent)));
  age(6 * 24 * hour);
  assert.equal((await collect()).manifests_deleted, 0);
  age(48 * hour);
  assert.equal((await collect()).manifests_deleted, 1);
});
