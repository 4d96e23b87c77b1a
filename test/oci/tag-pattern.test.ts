import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isTagPattern, matchesAnyTag, subjectOfTag } from '../../oci/tag-pattern.ts';

test('patterns are tags in which * may stand for anything', () => {
  for (const text of ['*', 'v*', '**', 'latest', '*-rc*', 'V1.2_x-*', '1.10', `${'a'.repeat(127)}*`])
    assert.ok(isTagPattern(text), text);
  for (const text of ['', '.x', '-x', 'a b', 'a/b', 'a:b', 'a?', 'ä*', 'a\n', 'a'.repeat(129)])
    assert.ok(!isTagPattern(text), text);
});

test('* covers any characters, also none, and upper case is not lower case', () => {
  for (const [pattern, tag, isCovered] of [
    ['*', 'anything', true],
    ['v*', 'v', true],
    ['v*', 'v1.2', true],
    ['v*', 'V1', false],
    ['*-rc*', '1.0-rc1', true],
    ['*-rc*', '1.0', false],
    ['latest', 'latest', true],
    ['latest', 'latest2', false],
    ['v*.*.0', 'v1.2.0', true],
    ['v*.*.0', 'v1.2.3', false],
  ] as const) {
    assert.equal(matchesAnyTag([pattern], tag), isCovered, `${pattern} ${tag}`);
  }
  assert.ok(matchesAnyTag(['a', 'b*'], 'bc') && !matchesAnyTag([], 'a'));
});

test('a tag made of a digest says what it refers to', () => {
  const hex = 'ab'.repeat(32);
  for (const tag of [`sha256-${hex}`, `sha256-${hex}.sig`, `sha256-${hex}.sbom`])
    assert.equal(subjectOfTag(tag), `sha256:${hex}`, tag);
  assert.equal(subjectOfTag(`sha512-${hex}`), `sha512:${hex}`);
  for (const tag of ['latest', 'sha256-abc', `sha256-${hex.toUpperCase()}`, `md5-${hex}`, `x-sha256-${hex}`])
    assert.equal(subjectOfTag(tag), undefined, tag);
});
