import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OciError } from '../../oci/errors.ts';
import { maxManifestBytes, parseManifest } from '../../oci/manifest.ts';
import { mediaTypes } from '../../oci/media-types.ts';

const descriptor = { mediaType: 'a/b', digest: `sha256:${'a'.repeat(64)}`, size: 1 };
const image = {
  schemaVersion: 2,
  mediaType: mediaTypes.ociManifest,
  config: descriptor,
  layers: [descriptor],
};
const index = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [descriptor] };
const text = (json: unknown) => Buffer.from(JSON.stringify(json));
const schema1 = 'application/vnd.docker.distribution.manifest.v1';

/** [what is wrong, the document, what the message says] */
const invalid: readonly [string, unknown, RegExp][] = [
  ['a list', [image], /JSON object/],
  ['null', null, /JSON object/],
  ['a string', 'x', /JSON object/],
  ['no type at all', { schemaVersion: 2 }, /not a manifest type/],
  ['an unknown type', { ...image, mediaType: 'text/html' }, /not a manifest type/],
  ['a type that every object has', { ...image, mediaType: 'constructor' }, /not a manifest type/],
  ['a type that is no string', { ...image, mediaType: 5 }, /mediaType must be a string/],
  ['schemaVersion 3', { ...image, schemaVersion: 3 }, /schemaVersion must be 2/],
  ['schemaVersion "2"', { ...image, schemaVersion: '2' }, /schemaVersion must be 2/],
  ['no schemaVersion', { ...index, schemaVersion: undefined }, /schemaVersion must be 2/],
  ['no config', { ...image, config: undefined }, /config must be a descriptor/],
  ['layers that are no list', { ...image, layers: {} }, /layers must be a list/],
  ['a layer that is null', { ...image, layers: [null] }, /layers\[0\] must be a descriptor/],
  ['a layer without digest', { ...image, layers: [descriptor, { size: 1 }] }, /layers\[1\]\.digest/],
  [
    'a digest of md5',
    { ...image, layers: [{ ...descriptor, digest: 'md5:x' }] },
    /layers\[0\]\.digest: .*not supported/,
  ],
  ['a size below 0', { ...image, layers: [{ ...descriptor, size: -1 }] }, /layers\[0\]\.size/],
  ['half a byte', { ...image, layers: [{ ...descriptor, size: 0.5 }] }, /layers\[0\]\.size/],
  ['too large a size', { ...image, layers: [{ ...descriptor, size: 2 ** 53 }] }, /layers\[0\]\.size/],
  ['a size that is text', { ...image, config: { ...descriptor, size: '1' } }, /config\.size/],
  [
    'a descriptor type that is no string',
    { ...image, config: { ...descriptor, mediaType: {} } },
    /config\.mediaType/,
  ],
  [
    'data that is no string',
    { ...image, config: { ...descriptor, data: 5 } },
    /config\.data must be a string/,
  ],
  ['manifests that are no list', { ...index, manifests: 'x' }, /manifests must be a list/],
  ['a child without digest', { ...index, manifests: [{}] }, /manifests\[0\]/],
  ['a subject that is no descriptor', { ...index, subject: 'x' }, /subject must be a descriptor/],
  ['a subject without digest', { ...image, subject: { size: 1 } }, /subject\.digest/],
  ['artifactType that is no string', { ...image, artifactType: [] }, /artifactType must be a string/],
  ['annotations that are a list', { ...image, annotations: [] }, /annotations must be an object of strings/],
  [
    'an annotation that is no string',
    { ...image, annotations: { a: 1 } },
    /annotations must be an object of strings/,
  ],
  ['an image that is an index, too', { ...image, manifests: [] }, /an image manifest has no manifests/],
  [
    'an index that is an image, too',
    { ...index, config: descriptor, layers: [] },
    /an index manifest has no layers and config/,
  ],
  [
    'an artifact that is an index, too',
    { mediaType: mediaTypes.ociArtifact, manifests: [] },
    /has no manifests/,
  ],
  ['too many layers', { ...image, layers: Array(20_001).fill(descriptor) }, /at most 20000 entries/],
];

for (const [what, document, message] of invalid) {
  test(`${what} is refused`, () => {
    assert.throws(() => parseManifest(text(document), undefined), {
      code: 'MANIFEST_INVALID',
      status: 400,
      message,
    });
  });
}

test('what is not JSON in UTF-8 is refused', () => {
  const broken = [
    Buffer.from(''),
    Buffer.from('{'),
    Buffer.from('{"a":NaN}'),
    text(image).subarray(0, -1),
    Buffer.from([0x22, 0xff, 0x22]),
    Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), text(image)]),
  ];
  for (const bytes of [...broken, Buffer.from(JSON.stringify(image), 'utf16le')]) {
    assert.throws(() => parseManifest(bytes, mediaTypes.ociManifest), {
      code: 'MANIFEST_INVALID',
      message: /not JSON in UTF-8/,
    });
  }
});

test('a Content-Type that contradicts the body is refused', () => {
  assert.throws(() => parseManifest(text(image), mediaTypes.ociIndex), {
    code: 'MANIFEST_INVALID',
    detail: { mediaType: mediaTypes.ociManifest, contentType: mediaTypes.ociIndex },
  });
  assert.throws(() => parseManifest(text(image), 'application/json'), { code: 'MANIFEST_INVALID' });
});

test('schema 1 is refused with advice, by header or by body', () => {
  for (const [document, type] of [
    [{ schemaVersion: 1, fsLayers: [] }, undefined],
    [{ schemaVersion: 1, fsLayers: [] }, `${schema1}+prettyjws`],
    [image, `${schema1}+json`],
  ] as const) {
    assert.throws(() => parseManifest(text(document), type), {
      code: 'UNSUPPORTED',
      status: 400,
      message: /push with a client/,
    });
  }
});

test('4 MiB are accepted, a byte more is 413', () => {
  const filled = { ...image, filler: '' };
  filled.filler = 'x'.repeat(maxManifestBytes - text(filled).length);
  assert.equal(parseManifest(text(filled), undefined).kind, 'image');
  filled.filler += 'x';
  assert.throws(() => parseManifest(text(filled), undefined), {
    code: 'SIZE_INVALID',
    status: 413,
    detail: { maxManifestBytes },
  });
});

test('JSON as deep and as wide as 4 MiB can hold is read or refused, never a crash', () => {
  const depth = maxManifestBytes / 2 - 200;
  const nested = JSON.stringify(image).replace(/\}$/, `,"x":${'['.repeat(depth)}${']'.repeat(depth)}}`);
  const keys = `{${Array.from({ length: 300_000 }, (_, i) => `"${i}":0`).join()}}`;
  for (const bytes of [nested, '['.repeat(maxManifestBytes), '{"a":'.repeat(500_000), keys]) {
    try {
      parseManifest(Buffer.from(bytes), mediaTypes.ociManifest);
    } catch (error) {
      assert.ok(error instanceof OciError, String(error));
    }
  }
});

test('an error does not hand a long input back', () => {
  const long = 'x'.repeat(1_000_000);
  for (const document of [
    { ...image, mediaType: long },
    { ...image, config: { ...descriptor, digest: long } },
    { ...image, config: { ...descriptor, digest: `sha256:${long}` } },
  ]) {
    for (const contentType of [undefined, mediaTypes.ociManifest]) {
      assert.throws(
        () => parseManifest(text(document), contentType),
        (error) => error instanceof OciError && error.toBody().length < 2000,
      );
    }
  }
});

test('a media type has at most 255 characters, wherever it stands', () => {
  const [longest, tooLong] = [255, 256].map((length) => `application/${'x'.repeat(length - 12)}`);
  for (const field of ['config.mediaType', 'layers[0].mediaType', 'artifactType']) {
    const withType = (mediaType: string) => {
      const entry = { ...descriptor, mediaType };
      if (field === 'artifactType') return { ...image, artifactType: mediaType };
      return field === 'config.mediaType' ? { ...image, config: entry } : { ...image, layers: [entry] };
    };
    assert.equal(parseManifest(text(withType(longest!)), undefined).kind, 'image');
    assert.throws(() => parseManifest(text(withType(tooLong!)), undefined), {
      code: 'MANIFEST_INVALID',
      message: `${field} may have at most 255 characters`,
    });
  }
});
