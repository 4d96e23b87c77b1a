import assert from 'node:assert/strict';
import { test } from 'node:test';
import { coversPattern, intersectPatterns } from '../../oci/pattern-algebra.ts';

/** [pattern, patterns that it covers, patterns that it does not] */
const table: readonly [string, readonly string[], readonly string[]][] = [
  ['**', ['**', '*', 'a', 'a/**', '*/b'], []],
  ['*', ['*', 'a*', 'a'], ['**', 'a/b', '*/**']],
  [
    'team-a/**',
    ['team-a/**', 'team-a/*', 'team-a/app', 'team-a/x/**', 'team-a/*/b'],
    ['team-a', '**', 'team-*/**'],
  ],
  ['team-a/*', ['team-a/app', 'team-a/v*'], ['team-a/**', 'team-a/x/y', 'team-a', '*/app']],
  ['team-a/app', ['team-a/app'], ['team-a/ap', 'team-a/app*', 'team-a/*', 'team-a/app/x']],
  ['*/base', ['x/base', '*/base', 'x*/base'], ['base', '*/bas*', '*/*', '**']],
  ['team-*/**', ['team-a/**', 'team-a*/x'], ['team/**', 'te*/**']],
  ['a*b*', ['ab', 'a*b', 'axb*c'], ['a*', 'ba*']],
];

for (const [outer, covered, notCovered] of table) {
  test(`${outer} covers what is within it`, () => {
    for (const inner of covered) assert.equal(coversPattern(outer, inner), true, inner);
    for (const inner of notCovered) assert.equal(coversPattern(outer, inner), false, inner);
  });
}

test('tricks are no patterns', () => {
  for (const trick of [
    'team-a/../b',
    'team-a//b',
    'Team-a/x',
    'team-a/аpp',
    'team-a/**/x',
    '',
    'team-a/',
    '{user}/**',
  ]) {
    assert.equal(coversPattern('**', trick), false, trick);
    assert.equal(coversPattern('team-a/**', trick), false, trick);
    assert.deepEqual(intersectPatterns('**', trick), [], trick);
  }
});

test('what two patterns have in common', () => {
  assert.deepEqual(intersectPatterns('**', 'team-a/**'), ['team-a/**']);
  assert.deepEqual(intersectPatterns('team-a/**', '*/base'), ['team-a/base']);
  assert.deepEqual(intersectPatterns('a/b/**', 'a/**'), ['a/b/**']);
  assert.deepEqual(intersectPatterns('team-a/**', 'team-a'), []);
  assert.deepEqual(intersectPatterns('team-a/**', 'team-b/**'), []);
  assert.deepEqual(intersectPatterns('a*', '*b').sort(), ['a*b']);
  assert.deepEqual(intersectPatterns('a*', '*a').sort(), ['a', 'a*a']);
});
