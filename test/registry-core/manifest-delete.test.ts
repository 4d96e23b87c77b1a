import assert from 'node:assert/strict';
import test from 'node:test';
import { request } from '../support/http.ts';
import { digestOf } from '../support/push.ts';
import { deleteManifest, describe, getManifest, imageOf, index, putManifest } from './manifests.ts';
import { assertError, startCore } from './support.ts';

test('DELETE of a tag takes the tag alone', async (t) => {
  const core = await startCore(t);
  const manifest = await imageOf(core, 'app', 'one');
  for (const tag of ['one', 'two']) await putManifest(core, 'app', tag, manifest);
  const answer = await deleteManifest(core, 'app', 'one');
  assert.equal(answer.status, 202);
  assert.equal(answer.json.held_bytes, 0);
  assertError(await getManifest(core, 'app', 'one'), 404, 'MANIFEST_UNKNOWN');
  for (const reference of ['two', digestOf(manifest)]) {
    assert.deepEqual((await getManifest(core, 'app', reference)).body, manifest);
  }
  assertError(await deleteManifest(core, 'app', 'one'), 404, 'MANIFEST_UNKNOWN');
});

test('DELETE by digest takes the manifest with all its tags and says what still waits', async (t) => {
  const core = await startCore(t);
  const manifest = await imageOf(core, 'app', 'one');
  const other = await imageOf(core, 'app', 'other');
  for (const tag of ['one', 'two']) await putManifest(core, 'app', tag, manifest);
  await putManifest(core, 'app', 'other', other);
  const answer = await deleteManifest(core, 'app', digestOf(manifest));
  assert.equal(answer.status, 202);
  const { config, layers } = JSON.parse(manifest.toString());
  assert.equal(answer.json.held_bytes, config.size + layers[0].size);
  assert.ok(Date.parse(answer.json.next_due) > Date.now());
  for (const reference of ['one', 'two', digestOf(manifest)]) {
    assertError(await getManifest(core, 'app', reference), 404, 'MANIFEST_UNKNOWN');
  }
  assert.deepEqual((await request(core, { path: '/v2/app/tags/list' })).json.tags, ['other']);
  assertError(await deleteManifest(core, 'app', digestOf(manifest)), 404, 'MANIFEST_UNKNOWN');
});

test('what is deleted can be pushed again while its blobs are held', async (t) => {
  const core = await startCore(t);
  const manifest = await imageOf(core, 'app', 'one');
  await putManifest(core, 'app', 'latest', manifest);
  await deleteManifest(core, 'app', digestOf(manifest));
  assert.equal((await putManifest(core, 'app', 'latest', manifest)).status, 201);
  assert.deepEqual((await getManifest(core, 'app', 'latest')).body, manifest);
});

test('DELETE of a manifest that an index lists is refused and names the index', async (t) => {
  const core = await startCore(t);
  const manifest = await imageOf(core, 'app', 'one');
  await putManifest(core, 'app', 'one', manifest);
  const lists = [
    index([describe(manifest)]),
    index([describe(manifest)], { annotations: { second: 'yes' } }),
  ];
  for (const list of lists) await putManifest(core, 'app', digestOf(list), list);
  const refused = await deleteManifest(core, 'app', digestOf(manifest));
  const detail = assertError(refused, 405, 'UNSUPPORTED');
  assert.equal(refused.headers.allow, 'GET, HEAD, PUT');
  assert.deepEqual(detail.manifests.sort(), lists.map(digestOf).sort());
  assert.deepEqual((await getManifest(core, 'app', 'one')).body, manifest, 'its tags stay too');
  for (const list of lists) assert.equal((await deleteManifest(core, 'app', digestOf(list))).status, 202);
  assert.equal((await deleteManifest(core, 'app', digestOf(manifest))).status, 202);
});

test('DELETE of a subject is allowed; its referrers are still there', async (t) => {
  const core = await startCore(t);
  const manifest = await imageOf(core, 'app', 'one');
  await putManifest(core, 'app', 'one', manifest);
  const signature = await imageOf(core, 'app', 'signature', { subject: describe(manifest) });
  await putManifest(core, 'app', digestOf(signature), signature);
  assert.equal((await deleteManifest(core, 'app', digestOf(manifest))).status, 202);
  assert.deepEqual((await getManifest(core, 'app', digestOf(signature))).body, signature);
});

const unknown: [reference: string, repository: string, code: string][] = [
  ['latest', 'nowhere', 'MANIFEST_UNKNOWN'],
  [digestOf('x'), 'nowhere', 'NAME_UNKNOWN'],
  ['latest', 'app', 'MANIFEST_UNKNOWN'],
  [digestOf('x'), 'app', 'MANIFEST_UNKNOWN'],
];

test('DELETE of what is not there is 404', async (t) => {
  const core = await startCore(t);
  await putManifest(core, 'app', 'other', await imageOf(core, 'app', 'one'));
  for (const [reference, repository, code] of unknown) {
    assertError(await deleteManifest(core, repository, reference), 404, code);
  }
});
