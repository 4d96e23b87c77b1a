import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  artifactType,
  describe,
  emptyConfig,
  getManifest,
  image,
  imageOf,
  index,
  putManifest,
} from '../registry-core/manifests.ts';
import { getBlob, sha512Of } from '../registry-core/uploading.ts';
import { digestOf, OCI_INDEX, OCI_MANIFEST, pushBlob } from '../support/push.ts';
import { fileScope } from '../support/scope.ts';
import { ask, repository, startRegistry } from './protocol-support.ts';

const registry = await startRegistry(fileScope);
const manifests = `/v2/${repository}/manifests`;
const blobs = `/v2/${repository}/blobs`;
await pushBlob(registry, repository, '{}');
const manifest = await imageOf(registry, repository, 'content');
const digest = digestOf(manifest);
await putManifest(registry, repository, 'v1', manifest);

test('a manifest by tag and by digest, GET and HEAD: the bytes, their type without parameters, digest and length', async () => {
  for (const reference of ['v1', digest]) {
    for (const method of ['GET', 'HEAD']) {
      const answer = await ask(registry, method, `${manifests}/${reference}`);
      assert.equal(answer.status, 200);
      assert.equal(answer.headers['content-type'], OCI_MANIFEST);
      assert.equal(answer.headers['docker-content-digest'], digest);
      assert.equal(answer.headers['content-length'], String(manifest.length));
      assert.deepEqual(answer.body, method === 'GET' ? manifest : Buffer.alloc(0));
    }
  }
});

test('what is not there is 404: tag, digest, a name that nothing can have, blob, repository; HEAD without a body', async () => {
  const absent = digestOf('absent');
  const paths = [
    `${manifests}/absent`,
    `${manifests}/.no-tag`,
    `${manifests}/${absent}`,
    `${blobs}/${absent}`,
    `${blobs}/sha999:${'a'.repeat(64)}`,
    `/v2/spec/other/manifests/v1`,
    `/v2/spec/other/blobs/${absent}`,
    `/v2/spec/other/tags/list`,
  ];
  for (const path of paths) {
    const answer = await ask(registry, 'GET', path);
    assert.equal(answer.status, 404, path);
    assert.match(answer.json.errors[0].code, /^(MANIFEST|BLOB|NAME)_UNKNOWN$/);
    const head = await ask(registry, 'HEAD', path);
    assert.deepEqual([head.status, head.body.length], [404, 0], path);
  }
});

test('a blob in parts through the gateway: 206 with Content-Range, suffix, 416 beyond the end, If-Range, 304', async () => {
  const blob = await pushBlob(registry, repository, '0123456789');
  const get = (headers: Record<string, string>) => ask(registry, 'GET', `${blobs}/${blob}`, headers);
  const etag = (await get({})).headers.etag!;
  const part = await get({ range: 'bytes=2-4' });
  assert.deepEqual([part.status, part.text, part.headers['content-range']], [206, '234', 'bytes 2-4/10']);
  assert.equal(part.headers['docker-content-digest'], blob);
  assert.equal((await get({ range: 'bytes=-3' })).text, '789');
  const beyond = await get({ range: 'bytes=10-20' });
  assert.deepEqual([beyond.status, beyond.headers['content-range']], [416, 'bytes */10']);
  assert.equal((await get({ range: 'bytes=2-4', 'if-range': etag })).status, 206);
  assert.equal((await get({ range: 'bytes=2-4', 'if-range': '"other"' })).text, '0123456789');
  assert.equal((await get({ 'if-none-match': etag })).status, 304);
});

test('a manifest whose bytes are not those of the digest in its URL is 400, and nothing is stored', async () => {
  const wrong = digestOf('other bytes');
  const answer = await putManifest(registry, repository, wrong, manifest);
  assert.deepEqual([answer.status, answer.json.errors[0].code], [400, 'DIGEST_INVALID']);
  assert.equal((await getManifest(registry, repository, wrong)).status, 404);
});

test('PUT of a manifest by sha512 with tags: OCI-Tag names each, and every one of them has its digest', async () => {
  const long = sha512Of(manifest);
  const tags = Array.from({ length: 10 }, (_, index) => `t${index}`);
  const answer = await putManifest(
    registry,
    repository,
    `${long}?${tags.map((tag) => `tag=${tag}`).join('&')}`,
    manifest,
  );
  assert.equal(answer.status, 201, answer.text);
  assert.deepEqual(String(answer.headers['oci-tag']).split(', '), tags);
  assert.equal(answer.headers['docker-content-digest'], long);
  for (const tag of tags) {
    const head = await ask(registry, 'HEAD', `${manifests}/${tag}`);
    assert.equal(head.headers['docker-content-digest'], long);
  }
  assert.deepEqual((await ask(registry, 'GET', answer.headers.location!)).body, manifest);
});

test('a tag moves to a digest that is there already by PUT of its bytes', async () => {
  const next = await imageOf(registry, repository, 'next');
  await putManifest(registry, repository, 'moving', next);
  assert.equal((await putManifest(registry, repository, 'moving', manifest)).status, 201);
  assert.deepEqual((await getManifest(registry, repository, 'moving')).body, manifest);
  assert.equal((await getManifest(registry, repository, digestOf(next))).status, 200);
});

test('manifests of every shape that the specifications allow', async () => {
  const layer = { ...emptyConfig, mediaType: 'application/vnd.oci.image.layer.nondistributable.v1.tar' };
  const shapes = {
    'no layers': image(emptyConfig, []),
    'unknown fields': image(emptyConfig, [], { 'org.example': { nested: [1, 'two'] } }),
    data: image({ ...emptyConfig, data: 'e30=' } as never),
    'non-distributable': image(emptyConfig, [
      { ...layer, digest: digestOf('far'), urls: ['https://far.example/'] },
    ]),
    'an artifact': image(emptyConfig, [emptyConfig], { artifactType }),
    'a subject that is not there': image(emptyConfig, [], {
      subject: { ...emptyConfig, digest: digestOf('no') },
    }),
    'an empty index': index([]),
    'an index with a type': index([], { artifactType, annotations: { a: 'b' } }),
  };
  for (const [name, bytes] of Object.entries(shapes)) {
    const answer = await putManifest(registry, repository, digestOf(bytes), bytes);
    assert.equal(answer.status, 201, `${name}: ${answer.text}`);
    assert.deepEqual((await getManifest(registry, repository, digestOf(bytes))).body, bytes, name);
  }
  const nested = index([describe(shapes['an empty index']), describe(manifest)]);
  assert.equal((await putManifest(registry, repository, 'nested', nested)).status, 201);
  const twice = await putManifest(registry, repository, 'nested-again', index([describe(nested)]));
  assert.equal(twice.status, 201, twice.text);
});

test('an index with a child that is missing is 400 MANIFEST_BLOB_UNKNOWN, as is an image without its blobs', async () => {
  for (const bytes of [
    index([{ ...describe(manifest), digest: digestOf('missing') }]),
    image(emptyConfig, [{ ...emptyConfig, digest: digestOf('missing') }]),
  ]) {
    const answer = await putManifest(registry, repository, 'missing', bytes);
    assert.deepEqual([answer.status, answer.json.errors[0].code], [400, 'MANIFEST_BLOB_UNKNOWN']);
  }
});

test('a manifest of 4 MiB is taken, a larger one is 413, and the connection serves the next', async () => {
  const padded = (size: number) => {
    const frame = index([], { annotations: { padding: '' } });
    return Buffer.from(
      frame.toString().replace('"padding":""', `"padding":"${'x'.repeat(size - frame.length)}"`),
    );
  };
  const limit = 4 * 1024 * 1024;
  assert.equal((await putManifest(registry, repository, 'large', padded(limit), OCI_INDEX)).status, 201);
  const answer = await putManifest(registry, repository, 'larger', padded(limit + 1), OCI_INDEX);
  assert.deepEqual([answer.status, answer.json.errors[0].code], [413, 'SIZE_INVALID']);
});

test('tags in pages: Link leads to the end, n=0 is empty, an unknown last is a place in the order', async () => {
  const name = '/v2/spec/app/tags/list';
  const all: string[] = (await ask(registry, 'GET', name)).json.tags;
  assert.deepEqual(all, all.toSorted());
  const found: string[] = [];
  for (let next: string | undefined = `${name}?n=3`; next; ) {
    const answer = await ask(registry, 'GET', next);
    found.push(...answer.json.tags);
    next = /^<([^>]+)>; rel="next"$/.exec(String(answer.headers.link))?.[1];
  }
  assert.deepEqual(found, all);
  const none = await ask(registry, 'GET', `${name}?n=0`);
  assert.deepEqual([none.json.tags, none.headers.link], [[], undefined]);
  const after = await ask(registry, 'GET', `${name}?last=t5-not-there`);
  assert.deepEqual(
    after.json.tags,
    all.filter((tag) => tag > 't5-not-there'),
  );
  for (const n of ['1000000000', '9'.repeat(40)]) {
    assert.deepEqual((await ask(registry, 'GET', `${name}?n=${n}`)).json.tags, all);
  }
});

test('the type of a manifest may have parameters when it is pushed; it is stored without', async () => {
  const bytes = image(emptyConfig, [], { annotations: { typed: 'with parameters' } });
  const answer = await putManifest(registry, repository, 'typed', bytes, `${OCI_MANIFEST}; charset=utf-8`);
  assert.equal(answer.status, 201, answer.text);
  const stored = await getManifest(registry, repository, 'typed');
  assert.equal(stored.headers['content-type'], OCI_MANIFEST);
});

test('an unknown query parameter such as ns is ignored', async () => {
  assert.equal((await ask(registry, 'GET', `${manifests}/v1?ns=docker.io`)).status, 200);
  assert.equal((await getBlob(registry, repository, `${emptyConfig.digest}?ns=docker.io`)).status, 200);
});
