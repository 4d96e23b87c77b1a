import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { coversPattern, intersectPatterns } from '../../oci/pattern-algebra.ts';
import { isRepository } from '../../oci/reference.ts';
import { isPattern, matchesPattern } from '../../oci/repository-pattern.ts';
import { anyText } from './support.ts';

/** Every name of up to three parts of up to two characters, of which `z` is in no pattern, and some longer ones. */
const names = everyName();
const segment = fc.stringMatching(/^[ab*-]{1,3}$/);
const pattern = fc
  .tuple(fc.array(segment, { maxLength: 3 }), fc.boolean())
  .map(([segments, open]) => [...segments, ...(open ? ['**'] : [])].join('/'))
  .filter(isPattern);

function everyName(): string[] {
  const letters = ['a', 'b', 'z', '-'];
  const words = letters.flatMap((first) => [
    first,
    ...letters.flatMap((second) => [first + second, ...letters.map((third) => first + second + third)]),
  ]);
  const parts = words.filter(isRepository);
  const short = parts.filter((part) => part.length <= 2);
  const tails = ['a', 'z', 'ab', 'za'];
  return [
    ...parts,
    ...parts.flatMap((first) => short.map((second) => `${first}/${second}`)),
    ...short.flatMap((first) =>
      short.flatMap((second) => tails.map((third) => `${first}/${second}/${third}`)),
    ),
    ...tails.map((tail) => `a/b/z/${tail}`),
  ];
}

/** The name in which each star stands for something that no other pattern names. */
function witnesses(text: string): string[] {
  const open = text.endsWith('**');
  const fixed = (open ? text.slice(0, -2) : text).replaceAll('*', 'zz');
  return open ? [`${fixed}zz`, `${fixed}zz/zz`] : [fixed];
}

test('a pattern covers another when it covers every name that the other covers, and only then', () => {
  let covering = 0;
  fc.assert(
    fc.property(pattern, pattern, (outer, inner) => {
      const covers = coversPattern(outer, inner);
      if (covers) {
        covering++;
        const escaped = names.find((name) => matchesPattern(inner, name) && !matchesPattern(outer, name));
        assert.equal(escaped, undefined, `${outer} does not cover ${inner}`);
      } else {
        const escapes = witnesses(inner).some((name) => !matchesPattern(outer, name));
        assert.ok(escapes, `${outer} covers ${inner}`);
      }
    }),
    { numRuns: 3000 },
  );
  assert.ok(covering > 100, `only ${covering} pairs were of interest`);
});

test('to cover is to be no smaller: reflexive, transitive, and of itself under the whole', () => {
  fc.assert(
    fc.property(pattern, pattern, pattern, (one, two, three) => {
      assert.ok(coversPattern(one, one) && coversPattern('**', one));
      if (coversPattern(one, two) && coversPattern(two, three)) assert.ok(coversPattern(one, three));
    }),
  );
});

test('what two patterns have in common is what both cover, name by name', () => {
  let common = 0;
  fc.assert(
    fc.property(pattern, pattern, (one, other) => {
      const shared = intersectPatterns(one, other);
      assert.ok(shared.every(isPattern), shared.join(' '));
      if (shared.length > 0) common++;
      for (const name of names) {
        const wanted = matchesPattern(one, name) && matchesPattern(other, name);
        assert.equal(
          shared.some((each) => matchesPattern(each, name)),
          wanted,
          `${one} ∩ ${other}: ${name}`,
        );
      }
    }),
    { numRuns: 400 },
  );
  assert.ok(common > 50, `only ${common} pairs had anything in common`);
});

test('no text throws, and what is no pattern covers nothing and is covered by nothing', () => {
  fc.assert(
    fc.property(anyText, pattern, (text, good) => {
      if (isPattern(text)) return;
      assert.ok(!coversPattern(text, good) && !coversPattern(good, text) && !coversPattern('**', text));
      assert.deepEqual([...intersectPatterns(text, good), ...intersectPatterns(good, text)], []);
    }),
  );
});

test('patterns that are made to cost do not, and what is left out is not given', () => {
  const [one, other] = [`${'*a'.repeat(60)}*`, `${'a*'.repeat(60)}`];
  const shared = intersectPatterns(one, other);
  assert.ok(shared.length <= 64);
  for (const each of shared) assert.ok(coversPattern(one, each) && coversPattern(other, each));
});
