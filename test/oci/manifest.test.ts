import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseManifest } from '../../oci/manifest.ts';
import { mediaTypes } from '../../oci/media-types.ts';

const digest = (letter: string) => `sha256:${letter.repeat(64)}`;
const descriptor = (letter: string, mediaType = 'application/octet-stream') => ({
  mediaType,
  digest: digest(letter),
  size: 1,
});
const config = descriptor('c', 'application/vnd.oci.image.config.v1+json');
const image = { schemaVersion: 2, mediaType: mediaTypes.ociManifest, config, layers: [descriptor('1')] };
const index = {
  schemaVersion: 2,
  mediaType: mediaTypes.ociIndex,
  manifests: [descriptor('a', mediaTypes.ociManifest)],
};

const read = (json: unknown, contentType?: string) =>
  parseManifest(Buffer.from(JSON.stringify(json)), contentType);

test('an image refers to its config and layers, each once', () => {
  const { entries, others, ...manifest } = read({
    ...image,
    layers: [descriptor('1'), descriptor('2'), descriptor('1')],
  });
  assert.deepEqual([entries.length, others.map((entry) => entry.digest)], [3, [digest('c')]]);
  assert.deepEqual(manifest, {
    mediaType: mediaTypes.ociManifest,
    kind: 'image',
    blobs: [digest('c'), digest('1'), digest('2')],
    elsewhere: [],
    children: [],
    subject: undefined,
    artifactType: config.mediaType,
    annotations: undefined,
  });
});

test('an index refers to manifests, each once', () => {
  const parsed = read({
    ...index,
    artifactType: 'a/b',
    manifests: [...index.manifests, descriptor('b'), descriptor('a')],
  });
  assert.deepEqual([parsed.kind, parsed.blobs, parsed.children], ['index', [], [digest('a'), digest('b')]]);
  assert.equal(parsed.artifactType, 'a/b');
});

test('Docker schema 2 and list, by their own types', () => {
  const docker = read({ ...image, mediaType: mediaTypes.dockerManifest });
  assert.deepEqual([docker.kind, docker.mediaType], ['image', mediaTypes.dockerManifest]);
  const list = read({ ...index, mediaType: mediaTypes.dockerList });
  assert.deepEqual([list.kind, list.children], ['index', [digest('a')]]);
});

test('an artifact manifest refers to its blobs; it has no schemaVersion', () => {
  const parsed = read({
    mediaType: mediaTypes.ociArtifact,
    artifactType: 'x/y',
    blobs: [descriptor('1')],
    subject: descriptor('5'),
  });
  assert.deepEqual([parsed.kind, parsed.blobs, parsed.artifactType], ['artifact', [digest('1')], 'x/y']);
  assert.equal(parsed.subject, digest('5'));
});

test('the type is that of the body, of the header, or of both alike', () => {
  const { mediaType, ...bare } = image;
  assert.equal(read(image).mediaType, mediaType);
  assert.equal(read(bare, mediaType).mediaType, mediaType);
  assert.equal(read(bare, `${mediaType.toUpperCase()}; charset=utf-8`).mediaType, mediaType);
  assert.equal(read(image, mediaType).mediaType, mediaType);
  assert.equal(read({ ...image, mediaType: '' }, mediaType).mediaType, mediaType);
  assert.equal(read({ ...bare, mediaType: null }, mediaType).mediaType, mediaType);
});

test('subject, empty and absent lists, unknown fields', () => {
  assert.equal(read({ ...image, subject: descriptor('5') }).subject, digest('5'));
  assert.equal(read({ ...index, subject: descriptor('5') }).subject, digest('5'));
  assert.equal(read({ ...image, subject: null }).subject, undefined);
  for (const layers of [[], null, undefined])
    assert.deepEqual(read({ ...image, layers }).blobs, [digest('c')]);
  for (const manifests of [[], null, undefined]) assert.deepEqual(read({ ...index, manifests }).children, []);
  const extended = {
    ...image,
    future: { x: [1] },
    layers: [{ ...descriptor('1'), data: 'AA==', future: true }],
  };
  assert.deepEqual(read(extended).blobs, [digest('c'), digest('1')]);
});

test('artifactType goes before the type of the config, and empty is none', () => {
  assert.equal(read({ ...image, artifactType: 'x/y' }).artifactType, 'x/y');
  assert.equal(read({ ...image, artifactType: '' }).artifactType, config.mediaType);
  assert.equal(read({ ...image, config: { ...config, mediaType: undefined } }).artifactType, undefined);
  assert.equal(read(index).artifactType, undefined);
});

test('a non-distributable layer need not be here; its type alone says that it is one', () => {
  const urls = ['https://example.org/layer'];
  const elsewhere = (layers: object[]) => read({ ...image, layers }).elsewhere;
  for (const mediaType of [
    'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip',
    'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip',
  ]) {
    const layer = descriptor('f', mediaType);
    for (const layers of [[layer], [{ ...layer, urls: [] }], [{ ...layer, urls }]]) {
      assert.deepEqual(read({ ...image, layers }).blobs, [digest('c'), digest('f')]);
      assert.deepEqual(elsewhere(layers), [digest('f')]);
    }
    assert.deepEqual(elsewhere([layer, descriptor('f')]), [], 'it is an ordinary layer, too');
  }
  for (const mediaType of ['application/vnd.example.foreign.thing', 'application/octet-stream'])
    assert.deepEqual(elsewhere([{ ...descriptor('1', mediaType), urls }]), []);
});

test('an index may list blobs, as BuildKit does for its cache', () => {
  const layers = [
    descriptor('1', 'application/vnd.oci.image.layer.v1.tar+gzip'),
    descriptor('2', 'application/vnd.docker.image.rootfs.diff.tar.gzip'),
    descriptor('3', 'application/vnd.buildkit.cacheconfig.v0'),
  ];
  const others = [descriptor('4', 'application/vnd.example.of.anybody'), descriptor('5', '')];
  const { blobs, children } = read({ ...index, manifests: [...layers, ...index.manifests, ...others] });
  assert.deepEqual(blobs, ['1', '2', '3'].map(digest));
  assert.deepEqual(children, ['a', '4', '5'].map(digest));
});

test('annotations are strings, whatever their names', () => {
  assert.deepEqual(read({ ...image, annotations: { a: 'b', '': '' } }).annotations, { a: 'b', '': '' });
  assert.equal(read({ ...image, annotations: null }).annotations, undefined);
  const text = JSON.stringify(image).replace(/\}$/, ',"annotations":{"__proto__":"x","constructor":"y"}}');
  const { annotations } = parseManifest(Buffer.from(text), undefined);
  assert.deepEqual(Object.entries(annotations!), [
    ['__proto__', 'x'],
    ['constructor', 'y'],
  ]);
  assert.equal(Object.getPrototypeOf(annotations), Object.prototype);
});

test('fields come from the document itself, not from a planted prototype', () => {
  const planted = JSON.stringify({ planted: image }).replace('"planted"', '"__proto__"');
  assert.throws(() => parseManifest(Buffer.from(planted), undefined), { code: 'MANIFEST_INVALID' });
  assert.equal(({} as Record<string, unknown>)['schemaVersion'], undefined);
});
