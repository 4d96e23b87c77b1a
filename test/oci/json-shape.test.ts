import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OciError } from '../../oci/errors.ts';
import { checkJsonShape } from '../../oci/json-shape.ts';
import { maxManifestBytes, parseManifest } from '../../oci/manifest.ts';
import { mediaTypes } from '../../oci/media-types.ts';

const check = (text: string) => checkJsonShape(Buffer.from(text));
const refused = (message: RegExp) => (error: unknown) =>
  error instanceof OciError && error.code === 'MANIFEST_INVALID' && message.test(error.message);
const nested = (levels: number) => '['.repeat(levels) + ']'.repeat(levels);
const digest = (index: number) => `sha256:${index.toString(16).padStart(64, '0')}`;

test('64 levels are taken and 65 are not, whatever they are made of', () => {
  check(nested(64));
  check('{"a":'.repeat(64) + '}'.repeat(64));
  assert.throws(() => check(nested(65)), refused(/64 levels/));
  assert.throws(() => check('{"a":'.repeat(65)), refused(/64 levels/));
  assert.throws(() => check('[{"a":'.repeat(33)), refused(/64 levels/));
});

test('levels side by side are no depth', () => {
  check(`[${Array.from({ length: 1000 }, () => nested(63)).join()}]`);
});

test('200,000 values are taken and more are not', () => {
  check(`[${'1,'.repeat(199_998)}1]`);
  assert.throws(() => check(`[${'1,'.repeat(200_000)}1]`), refused(/200000 values/));
  assert.throws(() => check(`{${'"k":0,'.repeat(200_000)}"k":0}`), refused(/200000 values/));
  assert.throws(() => check(`[${Array.from({ length: 100_001 }, () => '{}').join()}]`), refused(/values/));
});

test('what stands in a string counts for nothing', () => {
  check(JSON.stringify('[{,'.repeat(300_000)));
  check(JSON.stringify({ quotes: '"[\\"['.repeat(1000), backslash: '\\', more: nested(100) }));
});

test('the largest list of descriptors there may be passes, with all that clients write into one', () => {
  const manifests = Array.from({ length: 20_000 }, (_, index) => ({
    mediaType: 'a/b',
    digest: digest(index),
    size: 1,
    platform: { os: 'linux', architecture: 'arm', variant: 'v7' },
  }));
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, manifests }));
  assert.ok(bytes.length < maxManifestBytes);
  assert.equal(parseManifest(bytes, mediaTypes.ociIndex).entries.length, 20_000);
});

test('`__proto__` is a member like any other', () => {
  const fields = `"schemaVersion":2,"config":{"digest":"${digest(1)}","size":1},"layers":[]`;
  const text = `{"__proto__":{"subject":{}},${fields},"annotations":{"__proto__":"a","constructor":"b"}}`;
  const { annotations, subject } = parseManifest(Buffer.from(text), mediaTypes.ociManifest);
  assert.equal(subject, undefined);
  assert.equal(JSON.stringify(annotations), '{"__proto__":"a","constructor":"b"}');
  assert.equal((Object.prototype as Record<string, unknown>)['subject'], undefined);
});
