import assert from 'node:assert/strict';
import test from 'node:test';
import { request, type Target } from '../support/http.ts';
import { digestOf, OCI_INDEX, pushBlob } from '../support/push.ts';
import {
  artifactType,
  deleteManifest,
  describe,
  emptyConfig,
  image,
  index,
  putManifest,
} from './manifests.ts';
import { assertError, startCore, type TestCore } from './support.ts';
import { sha512Of } from './uploading.ts';

const subject = { ...emptyConfig, digest: digestOf('the image'), size: 9 };
const list = (target: Target, query = '', digest = subject.digest) =>
  request(target, { path: `/v2/app/referrers/${digest}${query}` });

/** Pushes by digest, so that a referrer has no tag, as signing tools do it. */
async function push(core: TestCore, ...manifests: Buffer[]): Promise<void> {
  await pushBlob(core, 'app', '{}');
  for (const manifest of manifests) {
    const answer = await putManifest(core, 'app', digestOf(manifest), manifest);
    assert.equal(answer.status, 201, answer.text);
    assert.equal(answer.headers['oci-subject'], JSON.parse(manifest.toString()).subject?.digest);
  }
}

test('no referrers: an empty index, never 404', async (t) => {
  const core = await startCore(t);
  for (const repository of ['app', 'nowhere']) {
    const answer = await request(core, { path: `/v2/${repository}/referrers/${subject.digest}` });
    assert.equal(answer.status, 200);
    assert.equal(answer.headers['content-type'], OCI_INDEX);
    assert.deepEqual(answer.json, { schemaVersion: 2, mediaType: OCI_INDEX, manifests: [] });
    await push(core);
  }
});

test('descriptors have type, size, digest, artifactType with its fallback, and annotations', async (t) => {
  const core = await startCore(t);
  const annotations = { 'org.example.format': 'json', __proto__x: 'ä' };
  const sbom = image(emptyConfig, [], { subject, artifactType, annotations });
  const plain = image(emptyConfig, [], { subject });
  const empty = image(emptyConfig, [], { subject, artifactType: '' });
  const typed = index([], { subject, artifactType: 'a/index' });
  const untyped = index([], { subject });
  await push(core, sbom, plain, empty, typed, untyped);
  const answer = await list(core);
  assert.equal(answer.headers['oci-filters-applied'], undefined);
  const expected = [
    { ...describe(sbom), artifactType, annotations },
    { ...describe(plain), artifactType: emptyConfig.mediaType },
    { ...describe(empty), artifactType: emptyConfig.mediaType },
    { ...describe(typed), artifactType: 'a/index' },
    describe(untyped),
  ];
  assert.deepEqual(
    answer.json.manifests,
    expected.sort((a, b) => (a.digest < b.digest ? -1 : 1)),
  );
});

test('the filter: applied, said so, and matched exactly', async (t) => {
  const core = await startCore(t);
  const sbom = image(emptyConfig, [], { subject, artifactType });
  const plain = image(emptyConfig, [], { subject });
  await push(core, sbom, plain, index([], { subject }));
  const cases: [filter: string, digests: string[]][] = [
    [artifactType, [digestOf(sbom)]],
    [emptyConfig.mediaType, [digestOf(plain)]],
    ['application/vnd.example', []],
    ["' OR 1=1 --", []],
  ];
  for (const [filter, digests] of cases) {
    const answer = await list(core, `?artifactType=${encodeURIComponent(filter)}`);
    assert.equal(answer.status, 200);
    assert.equal(answer.headers['oci-filters-applied'], 'artifactType');
    const found: { digest: string }[] = answer.json.manifests;
    assert.deepEqual(
      found.map(({ digest }) => digest),
      digests,
    );
  }
  const unfiltered = await list(core, '?artifactType=');
  assert.equal(unfiltered.headers['oci-filters-applied'], undefined);
  assert.equal(unfiltered.json.manifests.length, 3);
});

test('referrers are those of this repository and of this digest, and go with their manifest', async (t) => {
  const core = await startCore(t);
  const here = image(emptyConfig, [], { subject });
  const other = image(emptyConfig, [], { subject: { ...subject, digest: digestOf('other') } });
  await push(core, here, other);
  await putManifest(core, 'elsewhere', 'x', index([], { subject }));
  const found = (await list(core)).json.manifests;
  assert.deepEqual(found, [{ ...describe(here), artifactType: emptyConfig.mediaType }]);
  await deleteManifest(core, 'app', digestOf(here));
  assert.deepEqual((await list(core)).json.manifests, []);
});

test('a subject with sha512, and an image that is there', async (t) => {
  const core = await startCore(t);
  const strong = { ...subject, digest: sha512Of('the image') };
  const referrer = image(emptyConfig, [], { subject: strong });
  await push(core, referrer);
  assert.equal((await list(core, '', strong.digest)).json.manifests[0].digest, digestOf(referrer));
  const next = index([], { subject: describe(referrer) });
  await push(core, next);
  assert.equal((await list(core, '', digestOf(referrer))).json.manifests[0].digest, digestOf(next));
});

async function follow(core: TestCore, query: string): Promise<{ digests: string[]; pages: number }> {
  const digests: string[] = [];
  let path: string | undefined = `/v2/app/referrers/${subject.digest}${query}`;
  let pages = 0;
  for (; path !== undefined; pages++) {
    const answer = await request(core, { path });
    assert.ok(answer.body.length <= 4.1 * 1024 * 1024, 'a page is no larger than a manifest');
    assert.equal(answer.headers['content-type'], OCI_INDEX);
    assert.equal(
      answer.headers['oci-filters-applied'],
      query.includes('artifactType') ? 'artifactType' : undefined,
    );
    digests.push(...answer.json.manifests.map(({ digest }: { digest: string }) => digest));
    path = /^<(.+)>; rel="next"$/.exec(String(answer.headers.link ?? ''))?.[1];
  }
  return { digests, pages };
}

test('pages by n, with and without a filter: each referrer once', async (t) => {
  const core = await startCore(t);
  const manifests = Array.from({ length: 5 }, (_, number) =>
    index([], { subject, artifactType, annotations: { number: String(number) } }),
  );
  await push(core, ...manifests, image(emptyConfig, [], { subject }));
  const filter = `artifactType=${encodeURIComponent(artifactType)}`;
  assert.deepEqual(await follow(core, `?${filter}&n=2`), {
    digests: manifests.map(digestOf).sort(),
    pages: 3,
  });
  assert.equal((await follow(core, '?n=4')).digests.length, 6);
  const none = await list(core, '?n=0');
  assert.deepEqual([none.json.manifests, none.headers.link], [[], undefined]);
});

test('pages by size: annotations fill a page long before it has many entries', async (t) => {
  const core = await startCore(t);
  const manifests = Array.from({ length: 5 }, (_, number) =>
    index([], { subject, annotations: { number: String(number), long: 'x'.repeat(1_600_000) } }),
  );
  await push(core, ...manifests);
  assert.deepEqual(await follow(core, ''), { digests: manifests.map(digestOf).sort(), pages: 3 });
});

test('a digest that is none is 400', async (t) => {
  const core = await startCore(t);
  for (const digest of ['latest', 'sha256:abc', 'md5:d41d8cd98f00b204e9800998ecf8427e']) {
    assertError(await list(core, '', digest), 400, 'DIGEST_INVALID');
  }
});
