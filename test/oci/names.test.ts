import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  algorithmOf,
  digestAlgorithms,
  hexOf,
  isDigest,
  parseAlgorithm,
  parseDigest,
} from '../../oci/digest.ts';
import {
  isRepository,
  isTag,
  parseReference,
  parseRepository,
  parseTag,
  referenceText,
} from '../../oci/reference.ts';

const sha256 = `sha256:${'0123456789abcdef'.repeat(4)}` as const;
const sha512 = `sha512:${'0123456789abcdef'.repeat(8)}` as const;

test('repository names', () => {
  for (const name of [
    'a',
    '0',
    'a/b/c',
    'a.b',
    'a_b',
    'a__b',
    'a-b',
    'a---b',
    'a/b.c__d-e/f',
    'x'.repeat(255),
  ]) {
    assert.equal(isRepository(name), true, name);
    assert.equal(parseRepository(name), name);
  }
  const bad = [
    '',
    '/',
    'a/',
    '/a',
    'a//b',
    '.',
    '..',
    'a/..',
    '.a',
    'a.',
    'a..b',
    'a___b',
    'a_-b',
    '-a',
    'a-',
    '_a',
  ];
  for (const name of [
    ...bad,
    'A',
    'ä',
    'K',
    'а',
    'a b',
    'a\n',
    'a:b',
    'a@b',
    'a%2fb',
    'a\0',
    'x'.repeat(256),
  ]) {
    assert.equal(isRepository(name), false, name);
    assert.throws(() => parseRepository(name), { name: 'OciError', code: 'NAME_INVALID', status: 400 }, name);
  }
});

test('tags', () => {
  for (const tag of ['latest', '1.0', '_', 'A-b_c.d', '0..1--', 'x'.repeat(128)]) {
    assert.equal(isTag(tag), true, tag);
    assert.equal(parseTag(tag), tag);
  }
  for (const tag of ['', '.a', '-a', 'a b', 'a/b', 'a:b', 'ä', 'a\n', 'a+b', 'x'.repeat(129)]) {
    assert.equal(isTag(tag), false, tag);
    assert.throws(() => parseTag(tag), { name: 'OciError', code: 'TAG_INVALID', status: 400 }, tag);
  }
});

test('a reference with a colon is a digest, any other a tag', () => {
  assert.deepEqual(parseReference('latest'), { tag: 'latest' });
  assert.deepEqual(parseReference(sha256), { digest: sha256 });
  assert.deepEqual(parseReference('sha256'), { tag: 'sha256' });
  for (const text of ['latest', sha256, sha512]) assert.equal(referenceText(parseReference(text)), text);
  assert.throws(() => parseReference('a:b'), { code: 'DIGEST_INVALID' });
  assert.throws(() => parseReference(''), { code: 'TAG_INVALID' });
});

test('digests', () => {
  for (const digest of [sha256, sha512]) {
    assert.equal(parseDigest(digest), digest);
    assert.equal(`${algorithmOf(digest)}:${hexOf(digest)}`, digest);
    assert.equal(isDigest(digest), true);
  }
  const bad = [
    '',
    ':',
    'sha256',
    'sha256:',
    ':abc',
    sha256.slice(0, -1),
    `${sha256}0`,
    `${sha256}\n`,
    ` ${sha256}`,
  ];
  const swapped = [sha256.replace('sha256', 'sha512'), sha512.replace('sha512', 'sha256')];
  for (const text of [
    ...bad,
    ...swapped,
    sha256.toUpperCase(),
    sha256.replace('a', 'A'),
    `x:${sha256}`,
    `${sha256}:x`,
  ]) {
    assert.equal(isDigest(text), false, text);
    assert.throws(() => parseDigest(text), { name: 'OciError', code: 'DIGEST_INVALID', status: 400 }, text);
  }
});

test('an algorithm that is not supported is refused with those that are', () => {
  assert.deepEqual(digestAlgorithms, ['sha256', 'sha512']);
  for (const name of digestAlgorithms) assert.equal(parseAlgorithm(name), name);
  for (const name of ['md5', 'SHA256', '', '__proto__', 'constructor', 'toString']) {
    const detail = { algorithm: name, supported: ['sha256', 'sha512'] };
    assert.throws(() => parseAlgorithm(name), { code: 'DIGEST_INVALID', detail }, name);
  }
  assert.throws(() => parseDigest(`blake3:${'a'.repeat(64)}`), { message: /supported: sha256, sha512/ });
  assert.throws(() => parseDigest('constructor:ab'), { code: 'DIGEST_INVALID' });
});
