import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bareMediaType, isSchema1, manifestKind, manifestMediaTypes } from '../../oci/media-types.ts';

const docker = 'application/vnd.docker.distribution.manifest';

test('manifest types and what they are', () => {
  const kinds = Object.fromEntries(manifestMediaTypes.map((type) => [type, manifestKind(type)]));
  assert.deepEqual(kinds, {
    'application/vnd.oci.image.manifest.v1+json': 'image',
    'application/vnd.docker.distribution.manifest.v2+json': 'image',
    'application/vnd.oci.image.index.v1+json': 'index',
    'application/vnd.docker.distribution.manifest.list.v2+json': 'index',
    'application/vnd.oci.artifact.manifest.v1+json': 'artifact',
  });
  for (const type of [
    '',
    'text/html',
    'application/json',
    '__proto__',
    'constructor',
    `${docker}.v2+json;a=b`,
  ]) {
    assert.equal(manifestKind(type), undefined, type);
  }
});

test('schema 1, signed and not', () => {
  assert.equal(isSchema1(`${docker}.v1+json`), true);
  assert.equal(isSchema1(`${docker}.v1+prettyjws`), true);
  for (const type of [`${docker}.v2+json`, `${docker}.v1+xml`, `x${docker}.v1+json`])
    assert.equal(isSchema1(type), false);
});

test('a bare media type has no parameters, no spaces, no capitals', () => {
  for (const [text, bare] of [
    ['application/json', 'application/json'],
    [' Application/JSON ; charset=UTF-8', 'application/json'],
    ['a/b;c;d', 'a/b'],
    ['', ''],
    [';', ''],
  ] as const) {
    assert.equal(bareMediaType(text), bare);
  }
});
