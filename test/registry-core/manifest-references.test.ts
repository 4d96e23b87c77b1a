import assert from 'node:assert/strict';
import test from 'node:test';
import { request } from '../support/http.ts';
import { describeBlob, digestOf, OCI_CONFIG, OCI_LAYER, pushBlob } from '../support/push.ts';
import {
  artifact,
  describe,
  emptyConfig,
  getManifest,
  image,
  imageOf,
  index,
  putManifest,
} from './manifests.ts';
import { assertError, rowsOf, startCore, withRows } from './support.ts';

const layer = (text: string, fields = {}) => ({ ...describeBlob(OCI_LAYER, Buffer.from(text)), ...fields });
const config = (text: string) => describeBlob(OCI_CONFIG, Buffer.from(text));

test('blobs that are missing are all named, and nothing is stored', async (t) => {
  const core = await startCore(t);
  await pushBlob(core, 'app', 'here');
  const manifest = image(config('no config'), [layer('here'), layer('no layer'), layer('no other')]);
  const detail = assertError(
    await putManifest(core, 'app', 'latest', manifest),
    400,
    'MANIFEST_BLOB_UNKNOWN',
  );
  assert.deepEqual(detail, {
    blobs: ['no config', 'no layer', 'no other'].map(digestOf),
    manifests: [],
  });
  assert.equal((await getManifest(core, 'app', 'latest')).status, 404);
  assert.deepEqual(rowsOf(core.config, 'SELECT * FROM manifests'), []);
});

test('a refused manifest leaves no repository behind', async (t) => {
  const core = await startCore(t);
  const manifest = image(config('none'));
  assertError(await putManifest(core, 'new', 'latest', manifest), 400, 'MANIFEST_BLOB_UNKNOWN');
  assert.deepEqual(rowsOf(core.config, 'SELECT name FROM repositories'), []);
  assertError(await request(core, { path: '/v2/new/tags/list' }), 404, 'NAME_UNKNOWN');
});

test('a blob of another repository is missing here', async (t) => {
  const core = await startCore(t);
  const manifest = await imageOf(core, 'one', 'text');
  assertError(await putManifest(core, 'two', 'latest', manifest), 400, 'MANIFEST_BLOB_UNKNOWN');
  assert.equal((await putManifest(core, 'one', 'latest', manifest)).status, 201);
});

for (const state of ['condemned', 'damaged']) {
  test(`a blob that is ${state} is missing`, async (t) => {
    const core = await startCore(t);
    const manifest = await imageOf(core, 'app', 'text');
    withRows(core.config, (database) => database.prepare('UPDATE blobs SET state = ?').run(state));
    const answer = await putManifest(core, 'app', 'latest', manifest);
    assert.equal(assertError(answer, 400, 'MANIFEST_BLOB_UNKNOWN').blobs.length, 2);
  });
}

test('manifests that an index lists and that are missing are all named', async (t) => {
  const core = await startCore(t);
  const here = await imageOf(core, 'app', 'here');
  await putManifest(core, 'app', digestOf(here), here);
  const elsewhere = await imageOf(core, 'other', 'elsewhere');
  await putManifest(core, 'other', digestOf(elsewhere), elsewhere);
  const nowhere = artifact({ annotations: { never: 'pushed' } });
  const answer = await putManifest(core, 'app', 'list', index([here, elsewhere, nowhere].map(describe)));
  const detail = assertError(answer, 400, 'MANIFEST_BLOB_UNKNOWN');
  assert.deepEqual(detail, { blobs: [], manifests: [elsewhere, nowhere].map(digestOf) });
});

test('a blob is no manifest, and a manifest no blob', async (t) => {
  const core = await startCore(t);
  const manifest = await imageOf(core, 'app', 'text');
  await pushBlob(core, 'app', manifest);
  assertError(
    await putManifest(core, 'app', 'list', index([describe(manifest)])),
    400,
    'MANIFEST_BLOB_UNKNOWN',
  );
  await pushBlob(core, 'app', '{}');
  await putManifest(core, 'app', 'image', image(emptyConfig));
  const wrong = image(emptyConfig, [describe(image(emptyConfig))]);
  assertError(await putManifest(core, 'app', 'wrong', wrong), 400, 'MANIFEST_BLOB_UNKNOWN');
});

test('layers that live elsewhere need not be here', async (t) => {
  const core = await startCore(t);
  await pushBlob(core, 'app', '{}');
  const foreign = [
    layer('windows', {
      mediaType: 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip',
      urls: ['https://elsewhere.example/windows'],
    }),
    layer('other', {
      mediaType: 'application/vnd.oci.image.layer.nondistributable.v1.tar',
      urls: ['https://elsewhere.example/other'],
    }),
  ];
  assert.equal((await putManifest(core, 'app', 'foreign', image(emptyConfig, foreign))).status, 201);
  const withoutUrls = image(emptyConfig, [{ ...foreign[0], urls: undefined }]);
  assert.equal((await putManifest(core, 'app', 'none', withoutUrls)).status, 201);
});

test('layers that live elsewhere and were pushed all the same cannot be deleted under their image', async (t) => {
  const core = await startCore(t);
  await pushBlob(core, 'app', '{}');
  const bytes = Buffer.from('windows');
  await pushBlob(core, 'app', bytes);
  const foreign = describeBlob('application/vnd.docker.image.rootfs.foreign.diff.tar.gzip', bytes);
  await putManifest(
    core,
    'app',
    'windows',
    image(emptyConfig, [{ ...foreign, urls: ['https://x.example/'] }]),
  );
  const path = `/v2/app/blobs/${foreign.digest}`;
  assertError(await request(core, { method: 'DELETE', path }), 405, 'UNSUPPORTED');
});

test('an index of layers, as BuildKit makes of its cache: they must be here, and are not manifests', async (t) => {
  const core = await startCore(t, { settings: { 'manifests.sparse_index': 'allow' } });
  const cache = describeBlob('application/vnd.buildkit.cacheconfig.v0', Buffer.from('{}'));
  const bytes = Buffer.from('a cached layer');
  const list = index([describeBlob(OCI_LAYER, bytes), cache]);
  await pushBlob(core, 'app', '{}');
  const detail = assertError(await putManifest(core, 'app', 'cache', list), 400, 'MANIFEST_BLOB_UNKNOWN');
  assert.deepEqual(detail, { blobs: [digestOf(bytes)], manifests: [] });
  await pushBlob(core, 'app', bytes);
  assert.equal((await putManifest(core, 'app', 'cache', list)).status, 201);
  const path = `/v2/app/blobs/${digestOf(bytes)}`;
  assertError(await request(core, { method: 'DELETE', path }), 405, 'UNSUPPORTED');
});

const small: [name: string, manifest: Buffer][] = [
  ['no layers', image(emptyConfig)],
  ['the same layer twice', image(emptyConfig, [emptyConfig, emptyConfig])],
  ['an index of nothing', index([])],
  ['data in its descriptors', image({ ...emptyConfig, data: 'e30=' } as never)],
];

for (const [name, manifest] of small) {
  test(`a manifest with ${name} is accepted`, async (t) => {
    const core = await startCore(t);
    await pushBlob(core, 'app', '{}');
    const answer = await putManifest(core, 'app', 'small', manifest);
    assert.equal(answer.status, 201, answer.text);
    assert.deepEqual((await getManifest(core, 'app', 'small')).body, manifest);
  });
}

const otherData: [what: string, data: string][] = [
  ['other content', Buffer.from('[]').toString('base64')],
  ['other length', Buffer.from('{} ').toString('base64')],
  ['no Base64', '{}'],
  ['spaces in it', 'e3 0='],
  ['the alphabet of URLs', Buffer.from([0xff, 0xfe]).toString('base64url')],
];

for (const [what, data] of otherData) {
  test(`data of a descriptor with ${what} is refused, wherever it stands`, async (t) => {
    const core = await startCore(t);
    await pushBlob(core, 'app', '{}');
    const lying = { ...emptyConfig, data };
    const manifests = [
      image(lying as never),
      image(emptyConfig, [lying]),
      image(emptyConfig, [], { subject: lying }),
      index([lying]),
    ];
    for (const manifest of manifests) {
      const detail = assertError(await putManifest(core, 'app', 'data', manifest), 400, 'MANIFEST_INVALID');
      assert.deepEqual(detail, { digest: emptyConfig.digest, size: 2 });
    }
  });
}

test('data does not stand in for a blob that is not there', async (t) => {
  const core = await startCore(t);
  const manifest = image({ ...emptyConfig, data: 'e30=' } as never);
  assertError(await putManifest(core, 'app', 'data', manifest), 400, 'MANIFEST_BLOB_UNKNOWN');
});

test('a subject that is not there yet is no fault, and the answer names it', async (t) => {
  const core = await startCore(t);
  await pushBlob(core, 'app', '{}');
  const subject = { ...emptyConfig, digest: digestOf('later') };
  for (const manifest of [image(emptyConfig, [], { subject }), index([], { subject })]) {
    const answer = await putManifest(core, 'app', digestOf(manifest), manifest);
    assert.equal(answer.status, 201, answer.text);
    assert.equal(answer.headers['oci-subject'], digestOf('later'));
  }
});

test('a descriptor with another size than what is stored: a warning that says both', async (t) => {
  const core = await startCore(t);
  const bytes = Buffer.from('{}');
  for (const blob of [bytes, 'text']) await pushBlob(core, 'app', blob);
  const right = image(config('{}'), [layer('text')]);
  const wrong = [
    { body: image({ ...config('{}'), size: 3 }, [layer('text')]), digest: digestOf(bytes), stored: 2 },
    { body: image(config('{}'), [layer('text', { size: 3 })]), digest: digestOf('text'), stored: 4 },
    {
      body: image(config('{}'), [layer('text'), layer('text', { size: 3 })]),
      digest: digestOf('text'),
      stored: 4,
    },
    { body: index([{ ...describe(right), size: 3 }]), digest: digestOf(right), stored: right.length },
  ];
  const silent = await putManifest(core, 'app', 'right', right);
  assert.deepEqual([silent.status, silent.headers.warning], [201, undefined]);
  for (const { body, digest, stored } of wrong) {
    const answer = await putManifest(core, 'app', 'wrong', body);
    assert.equal(answer.status, 201, answer.text);
    assert.match(
      `${answer.headers.warning}`,
      new RegExp(`^299 - "a descriptor says 3 bytes of ${digest}, which has ${stored};`),
    );
  }
  const subject = { ...describe(right), size: 3 };
  const signature = image(config('{}'), [layer('text')], { subject });
  const answer = await putManifest(core, 'app', 'signature', signature);
  assert.deepEqual([answer.status, answer.headers.warning], [201, undefined], 'it may come later');
});
