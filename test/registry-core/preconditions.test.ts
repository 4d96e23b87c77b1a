import assert from 'node:assert/strict';
import test from 'node:test';
import { request, type Target } from '../support/http.ts';
import { digestOf, pushBlob } from '../support/push.ts';
import { artifact, getManifest, putManifest } from './manifests.ts';
import { assertError, startCore } from './support.ts';

const one = artifact({ annotations: { text: 'one' } });
const two = artifact({ annotations: { text: 'two' } });
const etag = (manifest: Buffer) => `"${digestOf(manifest)}"`;
const given = (core: Target, headers: Record<string, string>) => ({
  ...core,
  headers: { ...core.headers, ...headers },
});

test('If-Match: a tag moves only from the manifest that the client has seen', async (t) => {
  const core = await startCore(t);
  const put = (value: string, manifest: Buffer) =>
    putManifest(given(core, { 'if-match': value }), 'app', 'latest', manifest);
  assert.deepEqual(assertError(await put('*', one), 412, 'MANIFEST_INVALID'), { etag: null });
  assertError(await put(etag(one), one), 412, 'MANIFEST_INVALID');
  await putManifest(core, 'app', 'latest', one);
  for (const value of [etag(two), `W/${etag(one)}`, '""', 'nonsense']) {
    assert.deepEqual(assertError(await put(value, two), 412, 'MANIFEST_INVALID'), { etag: etag(one) });
  }
  assert.deepEqual((await getManifest(core, 'app', 'latest')).body, one);
  assert.equal(
    (await getManifest(core, 'app', digestOf(two))).status,
    404,
    'nothing is kept of what was refused',
  );
  assert.equal((await put(`"other", ${etag(one)}`, two)).status, 201);
  assert.equal((await put('*', one)).status, 201);
});

test('If-None-Match: * makes a tag only where there is none', async (t) => {
  const core = await startCore(t);
  const create = (manifest: Buffer) =>
    putManifest(given(core, { 'if-none-match': '*' }), 'app', 'latest', manifest);
  assert.equal((await create(one)).status, 201);
  assertError(await create(two), 412, 'MANIFEST_INVALID');
  assert.deepEqual((await getManifest(core, 'app', 'latest')).body, one);
});

test('of many who move a tag from what they have all seen, one does', async (t) => {
  const core = await startCore(t);
  await putManifest(core, 'app', 'latest', one);
  const writers = Array.from({ length: 8 }, (_, index) =>
    artifact({ annotations: { index: String(index) } }),
  );
  const answers = await Promise.all(
    writers.map((manifest) => putManifest(given(core, { 'if-match': etag(one) }), 'app', 'latest', manifest)),
  );
  const statuses = answers.map(({ status }) => status).sort();
  assert.deepEqual(statuses, [201, ...Array.from({ length: 7 }, () => 412)]);
});

test('If-Match of a DELETE, of a tag and of a manifest', async (t) => {
  const core = await startCore(t);
  await putManifest(core, 'app', 'latest', one);
  const remove = (reference: string, value: string) =>
    request(given(core, { 'if-match': value }), { method: 'DELETE', path: `/v2/app/manifests/${reference}` });
  for (const reference of ['latest', digestOf(one)]) {
    assertError(await remove(reference, etag(two)), 412, 'MANIFEST_INVALID');
    assert.equal((await getManifest(core, 'app', reference)).status, 200);
    assert.equal((await remove(reference, etag(one))).status, 202);
  }
});

test('If-Match of a GET: 412 when it is another manifest or blob by now', async (t) => {
  const core = await startCore(t);
  await putManifest(core, 'app', 'latest', one);
  const blob = await pushBlob(core, 'app', 'content');
  for (const [path, own] of [
    ['/v2/app/manifests/latest', etag(one)],
    [`/v2/app/blobs/${blob}`, `"${blob}"`],
  ] as const) {
    assert.equal((await request(given(core, { 'if-match': own }), { path })).status, 200);
    assertError(await request(given(core, { 'if-match': '"other"' }), { path }), 412, 'MANIFEST_INVALID');
  }
});
