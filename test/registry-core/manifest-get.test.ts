import assert from 'node:assert/strict';
import test from 'node:test';
import { request } from '../support/http.ts';
import { digestOf, OCI_INDEX, OCI_MANIFEST } from '../support/push.ts';
import { deleteManifest, getManifest, imageOf, index, putManifest } from './manifests.ts';
import { assertError, startCore } from './support.ts';

test('GET and HEAD by tag and by digest: type, digest, length, and nothing for a browser to run', async (t) => {
  const core = await startCore(t);
  const manifest = await imageOf(core, 'team/app', 'one');
  const digest = digestOf(manifest);
  await putManifest(core, 'team/app', 'latest', manifest);
  for (const reference of ['latest', digest]) {
    for (const method of ['GET', 'HEAD']) {
      const answer = await request(core, { method, path: `/v2/team/app/manifests/${reference}` });
      const { headers } = answer;
      assert.equal(answer.status, 200);
      assert.equal(headers['content-type'], OCI_MANIFEST, 'without parameters');
      assert.equal(headers['docker-content-digest'], digest);
      assert.equal(headers['content-length'], String(manifest.length));
      assert.equal(headers.etag, `"${digest}"`);
      assert.equal(headers['x-content-type-options'], 'nosniff');
      assert.match(String(headers['content-security-policy']), /^sandbox\b/);
      assert.deepEqual(answer.body, method === 'GET' ? manifest : Buffer.alloc(0));
    }
  }
});

test('the bytes are those that were pushed, whatever Accept says', async (t) => {
  const core = await startCore(t);
  const manifest = await imageOf(core, 'app', 'one');
  await putManifest(core, 'app', 'latest', manifest);
  for (const accept of [
    '*/*',
    'application/vnd.docker.distribution.manifest.v2+json',
    OCI_INDEX,
    'text/html',
  ]) {
    const path = '/v2/app/manifests/latest';
    const answer = await request(core, { path, headers: { ...core.headers, accept } });
    assert.equal(answer.status, 200);
    assert.equal(answer.headers['content-type'], OCI_MANIFEST);
    assert.deepEqual(answer.body, manifest);
  }
});

test('If-None-Match: 304 with the digest while the tag stays, 200 when it moved', async (t) => {
  const core = await startCore(t);
  const [one, two] = [await imageOf(core, 'app', 'one'), await imageOf(core, 'app', 'two')];
  await putManifest(core, 'app', 'latest', one);
  const asking = { ...core.headers, 'if-none-match': `"${digestOf(one)}"` };
  const path = '/v2/app/manifests/latest';
  for (const method of ['GET', 'HEAD']) {
    const answer = await request(core, { method, path, headers: asking });
    assert.equal(answer.status, 304);
    assert.equal(answer.headers['docker-content-digest'], digestOf(one));
    assert.equal(answer.headers.etag, `"${digestOf(one)}"`);
    assert.equal(answer.text, '');
  }
  await putManifest(core, 'app', 'latest', two);
  assert.deepEqual((await request(core, { path, headers: asking })).body, two);
});

test('what is not there is 404 and says what was asked for', async (t) => {
  const core = await startCore(t);
  const manifest = await imageOf(core, 'app', 'one');
  await putManifest(core, 'app', 'latest', manifest);
  const cases: [repository: string, reference: string][] = [
    ['app', 'other'],
    ['app', digestOf('other')],
    ['nowhere', 'latest'],
    ['app/deeper', digestOf(manifest)],
    ['app', 'LATEST'],
  ];
  for (const [repository, reference] of cases) {
    const answer = await getManifest(core, repository, reference);
    const detail = assertError(answer, 404, 'MANIFEST_UNKNOWN');
    assert.deepEqual(detail, { name: repository, reference });
    const path = `/v2/${repository}/manifests/${reference}`;
    assert.equal((await request(core, { method: 'HEAD', path })).status, 404);
  }
});

test('an image of several platforms, and an index in an index', async (t) => {
  const core = await startCore(t);
  const images = [await imageOf(core, 'app', 'amd64'), await imageOf(core, 'app', 'arm64')];
  for (const manifest of images) await putManifest(core, 'app', digestOf(manifest), manifest);
  const inner = index(
    images.map((manifest, at) => ({
      mediaType: OCI_MANIFEST,
      digest: digestOf(manifest),
      size: manifest.length,
      platform: { os: 'linux', architecture: ['amd64', 'arm64'][at] },
    })),
  );
  assert.equal((await putManifest(core, 'app', 'inner', inner)).status, 201);
  const outer = index([{ mediaType: OCI_INDEX, digest: digestOf(inner), size: inner.length }]);
  assert.equal((await putManifest(core, 'app', 'outer', outer)).status, 201);
  assert.deepEqual((await getManifest(core, 'app', 'outer')).body, outer);
  assert.equal((await deleteManifest(core, 'app', 'inner')).status, 202);
  assert.deepEqual((await getManifest(core, 'app', digestOf(inner))).body, inner);
});
