import assert from 'node:assert/strict';
import test from 'node:test';
import { digestOf, pushBlob } from '../support/push.ts';
import {
  artifact,
  deleteManifest,
  describe,
  emptyConfig,
  getManifest,
  image,
  index,
  putManifest,
} from './manifests.ts';
import { assertError, startCore } from './support.ts';

const here = image(emptyConfig);
const absent = image(emptyConfig, [], { annotations: { never: 'pushed' } });
const of = (manifest: Buffer, architecture: string) => ({
  ...describe(manifest),
  platform: { os: 'linux', architecture },
});
const sparse = index([of(here, 'amd64'), of(absent, 'arm64')]);

async function startWith(t: test.TestContext, setting?: string) {
  const settings = setting === undefined ? {} : { 'manifests.sparse_index': setting };
  const core = await startCore(t, { settings });
  await pushBlob(core, 'app', '{}');
  assert.equal((await putManifest(core, 'app', digestOf(here), here)).status, 201);
  return core;
}

for (const setting of [undefined, 'deny', 'linux/arm64', 'linux/amd64,linux/arm64']) {
  test(`manifests.sparse_index ${setting ?? 'by default'}: an index whose child is missing is refused`, async (t) => {
    const core = await startWith(t, setting);
    const detail = assertError(await putManifest(core, 'app', 'list', sparse), 400, 'MANIFEST_BLOB_UNKNOWN');
    assert.deepEqual(detail, { blobs: [], manifests: [digestOf(absent)] });
  });
}

for (const setting of ['allow', 'linux/amd64']) {
  test(`manifests.sparse_index ${setting}: the index is taken, its missing child is 404 until it is pushed`, async (t) => {
    const core = await startWith(t, setting);
    assert.equal((await putManifest(core, 'app', 'list', sparse)).status, 201);
    assert.deepEqual((await getManifest(core, 'app', 'list')).body, sparse);
    assertError(await getManifest(core, 'app', digestOf(absent)), 404, 'MANIFEST_UNKNOWN');
    assertError(await deleteManifest(core, 'app', digestOf(absent)), 404, 'MANIFEST_UNKNOWN');
    assert.equal((await putManifest(core, 'app', digestOf(absent), absent)).status, 201);
    assert.equal((await getManifest(core, 'app', digestOf(absent))).status, 200);
    // From now on the index lists it like any other.
    assertError(await deleteManifest(core, 'app', digestOf(absent)), 405, 'UNSUPPORTED');
    assert.equal((await deleteManifest(core, 'app', digestOf(sparse))).status, 202);
    assert.equal((await deleteManifest(core, 'app', digestOf(absent))).status, 202);
  });
}

test('a list of platforms: a child of none of them may be missing, one without a platform may not', async (t) => {
  const core = await startWith(t, 'linux/amd64');
  const unknown = index([{ ...describe(artifact()), platform: { os: 'unknown', architecture: 'unknown' } }]);
  assert.equal((await putManifest(core, 'app', 'attested', unknown)).status, 201);
  const bare = index([describe(absent)]);
  assertError(await putManifest(core, 'app', 'bare', bare), 400, 'MANIFEST_BLOB_UNKNOWN');
});

test('blobs of an image are needed whatever the setting', async (t) => {
  const core = await startWith(t, 'allow');
  const manifest = image({ ...emptyConfig, digest: digestOf('not pushed') });
  assertError(await putManifest(core, 'app', 'image', manifest), 400, 'MANIFEST_BLOB_UNKNOWN');
});
