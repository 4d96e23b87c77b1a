import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseDigest } from '../../oci/digest.ts';
import { neededChildren, parseSparseIndex } from '../../oci/sparse-index.ts';

const digest = (letter: string) => parseDigest(`sha256:${letter.repeat(64)}`);
const entries = [
  { digest: digest('a'), platform: 'linux/amd64' },
  { digest: digest('b'), platform: 'linux/arm/v7' },
  { digest: digest('c'), platform: 'windows/amd64' },
  { digest: digest('d'), platform: undefined },
  { digest: digest('a'), platform: 'linux/386' },
];

const needed = (text: string) =>
  neededChildren(entries, parseSparseIndex(text)!).map((found) => found.charAt('sha256:'.length));

test('the children that must be there: all, none, or those of the platforms and of no platform', () => {
  assert.deepEqual(needed('deny'), ['a', 'b', 'c', 'd']);
  assert.deepEqual(needed('allow'), []);
  assert.deepEqual(needed('linux/amd64'), ['a', 'd']);
  assert.deepEqual(needed('linux/386'), ['d', 'a']);
  assert.deepEqual(needed('linux/amd64, windows/amd64'), ['a', 'c', 'd']);
  assert.deepEqual(needed('linux/s390x'), ['d']);
});

test('a platform without variant stands for all of its variants, one with it for itself', () => {
  assert.deepEqual(needed('linux/arm'), ['b', 'd']);
  assert.deepEqual(needed('linux/arm/v7'), ['b', 'd']);
  assert.deepEqual(needed('linux/arm/v6'), ['d']);
  assert.deepEqual(needed('linux/ar64'), ['d']);
});

test('what is no platform is no setting', () => {
  for (const text of [
    '',
    ',',
    'linux',
    'Deny',
    'linux/',
    '/amd64',
    'linux/arm/v7/x',
    'linux/amd64,,',
    'a b/c',
  ]) {
    assert.equal(parseSparseIndex(text), undefined, text);
  }
});
