import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  artifactType,
  deleteManifest,
  describe,
  emptyConfig,
  getManifest,
  image,
  imageOf,
  index,
  putManifest,
} from '../registry-core/manifests.ts';
import { getBlob, sha512Of } from '../registry-core/uploading.ts';
import { digestOf, OCI_INDEX, pushBlob } from '../support/push.ts';
import { fileScope } from '../support/scope.ts';
import { ask, other, repository, startRegistry } from './protocol-support.ts';

const registry = await startRegistry(fileScope);

const referrers = async (digest: string, query = '') => {
  const answer = await ask(registry, 'GET', `/v2/${repository}/referrers/${digest}${query}`);
  assert.deepEqual([answer.status, answer.headers['content-type']], [200, OCI_INDEX]);
  return answer;
};
const referring = (subject: Buffer, fields = {}) =>
  image(emptyConfig, [], { subject: { ...describe(subject), digest: digestOf(subject) }, ...fields });

test('DELETE in the order tag, manifest, blobs: each 202, then 404, and 404 when it is repeated', async () => {
  const name = other;
  const manifest = await imageOf(registry, name, 'to delete');
  const digest = digestOf(manifest);
  for (const tag of ['one', 'two']) await putManifest(registry, name, tag, manifest);
  assert.equal((await deleteManifest(registry, name, 'one')).status, 202);
  assert.equal((await getManifest(registry, name, 'one')).status, 404);
  assert.equal((await deleteManifest(registry, name, 'one')).status, 404);
  assert.equal((await getManifest(registry, name, digest)).status, 200);
  assert.equal((await deleteManifest(registry, name, digest)).status, 202);
  for (const reference of [digest, 'two']) {
    assert.equal((await getManifest(registry, name, reference)).status, 404);
    assert.equal((await deleteManifest(registry, name, reference)).status, 404);
  }
  const { config, layers } = JSON.parse(manifest.toString());
  const list = await ask(registry, 'GET', `/v2/${name}/tags/list`);
  assert.deepEqual([list.status, list.json], [200, { name, tags: [] }], 'its blobs are still there');
  for (const { digest: blob } of [config, ...layers]) {
    const path = `/v2/${name}/blobs/${blob}`;
    assert.equal((await ask(registry, 'DELETE', path)).status, 202);
    assert.equal((await getBlob(registry, name, blob)).status, 404);
    assert.equal((await ask(registry, 'HEAD', path)).status, 404);
    assert.equal((await ask(registry, 'DELETE', path)).status, 404);
  }
  assert.equal((await ask(registry, 'GET', `/v2/${name}/tags/list`)).status, 404, 'nothing is left of it');
});

test('a blob in use and a listed manifest: 405 that says what to delete first, and then 202', async () => {
  const child = await imageOf(registry, repository, 'child');
  const list = index([describe(child)]);
  await putManifest(registry, repository, digestOf(child), child);
  await putManifest(registry, repository, 'list', list);
  const layer = JSON.parse(child.toString()).layers[0].digest;
  const ofBlob = await ask(registry, 'DELETE', `/v2/${repository}/blobs/${layer}`);
  assert.deepEqual([ofBlob.status, ofBlob.json.errors[0].code], [405, 'UNSUPPORTED']);
  assert.deepEqual(ofBlob.json.errors[0].detail, { manifests: [digestOf(child)] });
  const ofChild = await deleteManifest(registry, repository, digestOf(child));
  assert.deepEqual([ofChild.status, ofChild.json.errors[0].detail], [405, { manifests: [digestOf(list)] }]);
  assert.equal((await deleteManifest(registry, repository, digestOf(list))).status, 202);
  assert.equal((await deleteManifest(registry, repository, digestOf(child))).status, 202);
  assert.equal((await ask(registry, 'DELETE', `/v2/${repository}/blobs/${layer}`)).status, 202);
});

test('referrers before and after the subject, by filter, and after each of them was deleted', async () => {
  await pushBlob(registry, repository, '{}');
  const subject = await imageOf(registry, repository, 'subject');
  const digest = digestOf(subject);
  const signature = referring(subject, { artifactType, annotations: { 'org.example': 'kept' } });
  const plain = referring(subject);
  const list = index([], { subject: describe(subject) });
  assert.deepEqual((await referrers(digest)).json.manifests, [], 'a subject that nobody has pushed');
  for (const referrer of [signature, plain, list]) {
    const answer = await putManifest(registry, repository, digestOf(referrer), referrer);
    assert.deepEqual([answer.status, answer.headers['oci-subject']], [201, digest]);
  }
  await putManifest(registry, repository, 'subject', subject);
  const wanted = [
    { ...describe(signature), artifactType, annotations: { 'org.example': 'kept' } },
    { ...describe(plain), artifactType: emptyConfig.mediaType },
    describe(list),
  ];
  const byDigest = (one: { digest: string }, two: { digest: string }) => (one.digest < two.digest ? -1 : 1);
  assert.deepEqual((await referrers(digest)).json.manifests, wanted.toSorted(byDigest));
  const filtered = await referrers(digest, `?artifactType=${encodeURIComponent(artifactType)}`);
  assert.equal(filtered.headers['oci-filters-applied'], 'artifactType');
  assert.deepEqual(filtered.json.manifests, [wanted[0]]);
  assert.equal((await deleteManifest(registry, repository, digest)).status, 202);
  assert.equal((await referrers(digest)).json.manifests.length, 3, 'the subject went, they did not');
  for (const referrer of [signature, plain, list]) {
    assert.equal((await deleteManifest(registry, repository, digestOf(referrer))).status, 202);
  }
  assert.deepEqual((await referrers(digest)).json.manifests, []);
});

test('referrers of a sha512 subject; of a digest that is none 400; of a repository that is not there an empty index', async () => {
  await pushBlob(registry, repository, '{}');
  const subject = image(emptyConfig, [], { annotations: { long: 'digest' } });
  const long = sha512Of(subject);
  await putManifest(registry, repository, long, subject);
  const referrer = image(emptyConfig, [], { subject: { ...describe(subject), digest: long } });
  const answer = await putManifest(registry, repository, digestOf(referrer), referrer);
  assert.equal(answer.headers['oci-subject'], long);
  assert.deepEqual(
    (await referrers(long)).json.manifests.map((entry: { digest: string }) => entry.digest),
    [digestOf(referrer)],
  );
  for (const bad of ['nonsense', 'sha256:short', 'sha999:aa']) {
    const refused = await ask(registry, 'GET', `/v2/${repository}/referrers/${bad}`);
    assert.deepEqual([refused.status, refused.json.errors[0].code], [400, 'DIGEST_INVALID'], bad);
  }
  const nowhere = await ask(registry, 'GET', `/v2/${other}/referrers/${long}`);
  assert.deepEqual([nowhere.status, nowhere.json.manifests], [200, []]);
});

test('what was deleted can be pushed again, under the same tag', async () => {
  const manifest = await imageOf(registry, repository, 'again');
  for (let round = 0; round < 2; round++) {
    assert.equal((await putManifest(registry, repository, 'again', manifest)).status, 201);
    assert.equal((await getManifest(registry, repository, 'again')).status, 200);
    assert.equal((await deleteManifest(registry, repository, digestOf(manifest))).status, 202);
  }
});

test('a tag of the form that clients use where there are no referrers is a tag like any other', async () => {
  const tag = `sha256-${'a'.repeat(64)}`;
  assert.equal((await putManifest(registry, repository, tag, index([]))).status, 201);
  assert.equal((await getManifest(registry, repository, tag)).status, 200);
  assert.equal((await deleteManifest(registry, repository, tag)).status, 202);
});
