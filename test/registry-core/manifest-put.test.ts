import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import test from 'node:test';
import { request } from '../support/http.ts';
import {
  DOCKER_CONFIG,
  DOCKER_LAYER,
  DOCKER_MANIFEST,
  describeBlob,
  digestOf,
  OCI_INDEX,
  OCI_MANIFEST,
  pushBlob,
} from '../support/push.ts';
import { artifact, describe, getManifest, imageOf, index, putManifest } from './manifests.ts';
import { assertError, rowsOf, startCore } from './support.ts';
import { sha512Of } from './uploading.ts';

test('PUT by tag: 201, the digest, a relative Location', async (t) => {
  const core = await startCore(t);
  const manifest = await imageOf(core, 'team/app', 'one');
  const answer = await putManifest(core, 'team/app', 'v1.0', manifest);
  assert.equal(answer.status, 201, answer.text);
  assert.equal(answer.headers['docker-content-digest'], digestOf(manifest));
  assert.equal(answer.headers.location, `/v2/team/app/manifests/${digestOf(manifest)}`);
  assert.equal(answer.headers['oci-subject'], undefined);
  assert.equal(answer.headers['oci-tag'], undefined);
  assert.deepEqual((await request(core, { path: answer.headers.location! })).body, manifest);
});

for (const hash of [digestOf, sha512Of]) {
  test(`PUT by ${hash.name.slice(0, 6)}, by digest`, async (t) => {
    const core = await startCore(t);
    const manifest = await imageOf(core, 'app', 'one');
    const answer = await putManifest(core, 'app', hash(manifest), manifest);
    assert.equal(answer.status, 201, answer.text);
    assert.equal(answer.headers['docker-content-digest'], hash(manifest));
    const got = await getManifest(core, 'app', hash(manifest));
    assert.deepEqual(got.body, manifest);
    assert.equal(got.headers['docker-content-digest'], hash(manifest));
    assert.deepEqual((await request(core, { path: '/v2/app/tags/list' })).json.tags, []);
  });
}

test('a digest that is not the body’s is 400 and says what came', async (t) => {
  const core = await startCore(t);
  const manifest = await imageOf(core, 'app', 'one');
  const wrong = digestOf('something else');
  const detail = assertError(await putManifest(core, 'app', wrong, manifest), 400, 'DIGEST_INVALID');
  assert.deepEqual(detail, { digest: wrong, received: digestOf(manifest), bytes: manifest.length });
  assert.equal((await getManifest(core, 'app', digestOf(manifest))).status, 404);
});

test('?tag= makes as many tags as it names, and OCI-Tag says which', async (t) => {
  const core = await startCore(t);
  const manifest = await imageOf(core, 'app', 'one');
  const names = Array.from({ length: 12 }, (_, number) => `v${number}`);
  const query = [...names, 'v1'].map((tag) => `tag=${tag}`).join('&');
  const answer = await putManifest(core, 'app', `${digestOf(manifest)}?${query}`, manifest);
  assert.equal(answer.status, 201, answer.text);
  assert.deepEqual(String(answer.headers['oci-tag']).split(', '), names);
  for (const tag of names) assert.deepEqual((await getManifest(core, 'app', tag)).body, manifest);
});

test('?tag=: what is wrong with it, and then nothing is stored', async (t) => {
  const core = await startCore(t);
  const manifest = await imageOf(core, 'app', 'one');
  const digest = digestOf(manifest);
  const many = Array.from({ length: 51 }, (_, number) => `tag=v${number}`).join('&');
  const cases: [reference: string, status: number, code: string][] = [
    [`${digest}?tag=good&tag=.bad`, 400, 'TAG_INVALID'],
    [`${digest}?${many}`, 414, 'URL_INVALID'],
    ['latest?tag=other', 400, 'PARAMETER_INVALID'],
  ];
  for (const [reference, status, code] of cases) {
    assertError(await putManifest(core, 'app', reference, manifest), status, code);
  }
  assert.deepEqual(rowsOf(core.config, 'SELECT * FROM manifests'), []);
});

test('every byte is kept: spaces, order, unknown fields, numbers that no parser would give back', async (t) => {
  const core = await startCore(t);
  const text = `{ "mediaType":"${OCI_INDEX}",\n\t"schemaVersion": 2.0, "manifests":[], "later": 1e0, "é": "\\u00e9" }\n\n`;
  const answer = await putManifest(core, 'app', 'odd', text);
  assert.equal(answer.status, 201, answer.text);
  assert.equal((await getManifest(core, 'app', 'odd')).text, text);
});

test('a tag moves; both manifests stay under their digests', async (t) => {
  const core = await startCore(t);
  const [one, two] = [await imageOf(core, 'app', 'one'), await imageOf(core, 'app', 'two')];
  await putManifest(core, 'app', 'latest', one);
  await putManifest(core, 'app', 'latest', two);
  assert.deepEqual((await getManifest(core, 'app', 'latest')).body, two);
  assert.deepEqual((await getManifest(core, 'app', digestOf(one))).body, one);
  assert.equal((await putManifest(core, 'app', 'latest', two)).status, 201, 'the same again is no fault');
});

test('Docker’s own types: an image and a list', async (t) => {
  const core = await startCore(t);
  const [config, layer] = [Buffer.from('{"docker":1}'), Buffer.from('docker layer')];
  for (const blob of [config, layer]) await pushBlob(core, 'app', blob);
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: DOCKER_MANIFEST,
      config: describeBlob(DOCKER_CONFIG, config),
      layers: [describeBlob(DOCKER_LAYER, layer)],
    }),
  );
  assert.equal((await putManifest(core, 'app', 'image', manifest)).status, 201);
  const mediaType = 'application/vnd.docker.distribution.manifest.list.v2+json';
  const list = index([{ ...describe(manifest), platform: { architecture: 'arm64', os: 'linux' } }], {
    mediaType,
  });
  assert.equal((await putManifest(core, 'app', 'list', list)).status, 201);
  const got = await getManifest(core, 'app', 'list');
  assert.equal(got.headers['content-type'], mediaType);
  assert.deepEqual(got.body, list);
});

test('4 MiB are accepted, one byte more is 413, and the next request is served', async (t) => {
  const core = await startCore(t);
  const limit = 4 * 1024 * 1024;
  const padded = (size: number) => Buffer.concat([artifact(), Buffer.alloc(size - artifact().length, ' ')]);
  const largest = padded(limit);
  assert.equal((await putManifest(core, 'app', 'largest', largest, OCI_INDEX)).status, 201);
  assert.equal(digestOf((await getManifest(core, 'app', 'largest')).body), digestOf(largest));
  for (const size of [limit + 1, 3 * limit, 12 * limit]) {
    const answer = await putManifest(core, 'app', 'larger', padded(size), OCI_INDEX);
    assert.deepEqual(assertError(answer, 413, 'SIZE_INVALID'), { maxManifestBytes: limit });
  }
  const body = Readable.from(Array.from({ length: 50 }, () => Buffer.alloc(limit / 8, ' ')));
  const headers = { ...core.headers, 'content-type': OCI_MANIFEST };
  const streamed = await request(core, { method: 'PUT', path: '/v2/app/manifests/larger', headers, body });
  assertError(streamed, 413, 'SIZE_INVALID');
  assert.equal((await getManifest(core, 'app', 'larger')).status, 404);
});
