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
  const withoutUrls = image(emptyConfig, [{ ...foreign[0], urls: [] }]);
  assertError(await putManifest(core, 'app', 'none', withoutUrls), 400, 'MANIFEST_BLOB_UNKNOWN');
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
