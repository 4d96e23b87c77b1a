import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseManifest } from '../../oci/manifest.ts';
import {
  bareMediaType,
  isSchema1,
  manifestKind,
  manifestMediaTypes,
  mediaTypes,
} from '../../oci/media-types.ts';
import { anyText, digest, onlyOciErrors } from './support.ts';

const mediaType = fc.oneof(
  fc.constantFrom(...manifestMediaTypes),
  fc.constantFrom(undefined, '', 'a/b', '__proto__'),
  anyText,
);
/** Now and then anything in the place of what belongs there. */
const perhaps = <Value>(wanted: fc.Arbitrary<Value>) =>
  fc.oneof({ weight: 20, arbitrary: wanted }, { weight: 1, arbitrary: fc.jsonValue() });
const descriptor = fc.record(
  {
    mediaType: perhaps(fc.constantFrom('a/b', 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip')),
    digest: perhaps(digest),
    size: perhaps(fc.maxSafeNat()),
    urls: perhaps(fc.array(fc.webUrl(), { maxLength: 2 })),
  },
  { requiredKeys: ['mediaType', 'digest', 'size'] },
);
const list = perhaps(fc.array(perhaps(descriptor), { maxLength: 3 }));
const common = {
  schemaVersion: perhaps(fc.constant(2)),
  subject: perhaps(descriptor),
  artifactType: perhaps(anyText),
  annotations: perhaps(fc.dictionary(anyText, fc.string())),
};
const contents = { config: perhaps(descriptor), layers: list, manifests: list, blobs: list };
/** Of one kind each, and of all kinds at once. */
const manifest = fc.oneof(
  document(
    { ...common, config: contents.config, layers: list },
    mediaTypes.ociManifest,
    mediaTypes.dockerManifest,
  ),
  document({ ...common, manifests: list }, mediaTypes.ociIndex, mediaTypes.dockerList),
  document({ ...common, blobs: list }, mediaTypes.ociArtifact),
  document({ ...common, ...contents }, ...manifestMediaTypes),
);

function document(fields: Record<string, fc.Arbitrary<unknown>>, ...declared: string[]) {
  const type = fc.oneof(
    { weight: 5, arbitrary: fc.constantFrom(...declared) },
    { weight: 1, arbitrary: mediaType },
  );
  const requiredKeys = Object.keys(fields).filter((name) => name === 'schemaVersion' || name === 'config');
  const all: Record<string, fc.Arbitrary<unknown>> = { ...fields, mediaType: type };
  return fc.record(all, { requiredKeys: [...requiredKeys, 'mediaType'] });
}

function check(bytes: Uint8Array, contentType: string | undefined): boolean {
  const parsed = onlyOciErrors(() => parseManifest(bytes, contentType));
  if (!parsed) return false;
  assert.equal(manifestKind(parsed.mediaType), parsed.kind);
  for (const digests of [parsed.blobs, parsed.children]) assert.equal(new Set(digests).size, digests.length);
  const text = new TextDecoder().decode(bytes);
  for (const named of [...parsed.blobs, ...parsed.children, parsed.subject ?? ''])
    assert.ok(text.includes(named));
  for (const value of Object.values(parsed.annotations ?? {})) assert.equal(typeof value, 'string');
  return true;
}

test('documents that are nearly manifests are read or refused, by an OciError only', () => {
  let read = 0;
  const count = (document: unknown, contentType: string | undefined) => {
    if (check(Buffer.from(JSON.stringify(document)), contentType)) read++;
  };
  const header = fc.oneof(
    { weight: 5, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: mediaType },
  );
  fc.assert(fc.property(manifest, header, count), { numRuns: 3000 });
  assert.ok(read > 100, `only ${read} were read, the generator is no good`);
});

test('so are JSON of every shape and bytes of every kind', () => {
  fc.assert(fc.property(fc.json(), mediaType, (json, type) => void check(Buffer.from(json), type)));
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), mediaType, (bytes, type) => void check(bytes, type)),
  );
});

test('media types: any text has a bare form, which is its own', () => {
  fc.assert(
    fc.property(anyText, (text) => {
      const bare = bareMediaType(text);
      assert.equal(bareMediaType(bare), bare);
      assert.equal(typeof isSchema1(text), 'boolean');
      assert.ok(manifestKind(text) === undefined || manifestMediaTypes.includes(text));
    }),
  );
});
