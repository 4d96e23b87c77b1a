import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isPattern, matchesAny, matchesPattern } from '../../oci/repository-pattern.ts';

/** [pattern, names that it covers, names that it does not] */
const table: readonly [string, readonly string[], readonly string[]][] = [
  ['**', ['a', 'a/b', 'a/b/c'], []],
  ['*', ['a', 'a-b.c'], ['a/b']],
  ['team-a/app', ['team-a/app'], ['team-a', 'team-a/app2', 'team-a/app/x', 'x/team-a/app', 'team-aa/app']],
  ['team-a/**', ['team-a/x', 'team-a/x/y'], ['team-a', 'team-ab', 'team-ab/x', 'x/team-a/y', 'team']],
  ['team-a/*', ['team-a/x'], ['team-a', 'team-a/x/y', 'team-ab/x']],
  ['*/base', ['x/base', 'team-a/base'], ['base', 'x/y/base', 'x/base/y', 'x/based']],
  ['*/base/**', ['x/base/y', 'x/base/y/z'], ['x/base', 'base/y']],
  ['a*', ['a', 'ab', 'a-b'], ['b', 'ab/c']],
  ['*a', ['a', 'ba'], ['ab', 'a/b', 'b/a']],
  ['a*b', ['ab', 'axb', 'abab'], ['a', 'b', 'aba']],
  ['a*b*c', ['abc', 'axbxc', 'abbcc', 'abcbc'], ['ac', 'acb', 'abcb']],
  ['*ab*ab', ['abab', 'ab-ab', 'xababab'], ['ab', 'aab']],
  ['*a*/b*', ['a/b', 'xax/bx'], ['x/b', 'a/c', 'a/x/b']],
  ['a.b', ['a.b'], ['axb', 'a-b']],
  ['*.*', ['a.b', 'a.b.c'], ['a', 'ab']],
  ['a__*', ['a__b'], ['a_b', 'a']],
];

for (const [pattern, covered, notCovered] of table) {
  test(`${pattern}`, () => {
    assert.equal(isPattern(pattern), true);
    for (const name of covered) assert.equal(matchesPattern(pattern, name), true, name);
    for (const name of notCovered) assert.equal(matchesPattern(pattern, name), false, name);
  });
}

test('a malformed pattern covers nothing, not even its own text', () => {
  const doubled = ['**/a', 'a/**/b', 'a**', '**a', 'a/b**', '***', '**/**', '**/*'];
  const broken = ['', '/', 'a/', '/a', 'a//b', '..', 'a/../b', './a', '-*', '*-', 'a..*', '*._'];
  const foreign = [
    'A',
    'Team/*',
    'ä',
    'K',
    'a b',
    'a\n',
    '*\n',
    'a?',
    '[a]',
    '(a)',
    'a|b',
    '.*$',
    'a+',
    'a\\*',
    'a{1}',
  ];
  for (const pattern of [...doubled, ...broken, ...foreign, 'a'.repeat(256), `a/${'*'.repeat(3)}`]) {
    assert.equal(isPattern(pattern), false, pattern);
    for (const name of ['a', 'a/b', 'b', 'k', pattern])
      assert.equal(matchesPattern(pattern, name), false, pattern);
  }
});

test('case and scripts are told apart', () => {
  for (const name of ['TEAM', 'Team', 'tëam', 'te\u0430m', 'team\n', ' team']) {
    assert.equal(matchesPattern('team', name), false, name);
  }
});

test('any of several', () => {
  assert.equal(matchesAny([], 'a'), false);
  assert.equal(matchesAny(['b', 'a/**'], 'a'), false);
  assert.equal(matchesAny(['b', '**/x', 'a'], 'a'), true);
});

test('many stars take no more than a glance', () => {
  const pattern = `${'*a'.repeat(100)}*b`;
  assert.equal(isPattern(pattern), true);
  // A backtracking matcher would not come back from this in a lifetime.
  assert.equal(matchesPattern(pattern, 'a'.repeat(255)), false);
  assert.equal(matchesPattern(pattern, `${'a'.repeat(250)}b`), true);
});
