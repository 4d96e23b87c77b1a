import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { neededChildren, parseSparseIndex } from '../../oci/sparse-index.ts';
import { isTagPattern, matchesAnyTag } from '../../oci/tag-pattern.ts';
import { anyText, digest, tag } from './support.ts';

const word = fc.stringMatching(/^[a-z0-9]{1,6}$/);
const platform = fc
  .tuple(word, word, fc.option(word, { nil: undefined }))
  .map((parts) => parts.filter((part) => part !== undefined).join('/'));
const child = fc.record({ digest, platform: fc.option(platform, { nil: undefined }) });

test('sparse index: any text is a setting or none, and a list of platforms is read to the same', () => {
  fc.assert(
    fc.property(fc.oneof(anyText, fc.stringMatching(/^[a-z0-9_/, .]{0,30}$/)), (text) => {
      const parsed = parseSparseIndex(text);
      if (Array.isArray(parsed)) assert.deepEqual(parseSparseIndex(parsed.join()), parsed);
    }),
    { numRuns: 2000 },
  );
  fc.assert(
    fc.property(
      fc.array(platform, { minLength: 1, maxLength: 4 }),
      fc.constantFrom(',', ', ', ' , '),
      (all, by) => assert.deepEqual(parseSparseIndex(all.join(by)), all),
    ),
  );
});

test('children that are needed: each once, all with deny, none with allow, those without a platform always', () => {
  fc.assert(
    fc.property(
      fc.array(child, { maxLength: 6 }),
      fc.array(platform, { minLength: 1 }),
      (children, wanted) => {
        const all = [...new Set(children.map((entry) => entry.digest))];
        assert.deepEqual(neededChildren(children, 'deny'), all);
        assert.deepEqual(neededChildren(children, 'allow'), []);
        const needed = neededChildren(children, wanted);
        assert.equal(new Set(needed).size, needed.length);
        for (const entry of children) {
          const isNamed = entry.platform === undefined || wanted.includes(entry.platform);
          if (isNamed) assert.ok(needed.includes(entry.digest));
        }
      },
    ),
  );
});

/** The same by regular expression, which is plain, and slow on names made for it. */
function slowly(pattern: string, text: string): boolean {
  const source = pattern.split('*').map((part) => part.replace(/[.\\^$+?()[\]{}|]/g, '\\$&'));
  return new RegExp(`^${source.join('[^]*')}$`).test(text);
}

test('tag patterns: a tag covers itself, a star anything, and no text throws', () => {
  const short = fc.stringMatching(/^[ab.*]{0,5}$/);
  fc.assert(
    fc.property(fc.oneof(short, anyText), fc.oneof(short, tag, anyText), (pattern, text) => {
      assert.equal(typeof isTagPattern(pattern), 'boolean');
      if (pattern.length <= 5) assert.equal(matchesAnyTag([pattern], text), slowly(pattern, text));
      assert.equal(matchesAnyTag(['*'], text), true);
      assert.equal(matchesAnyTag([], text), false);
    }),
    { numRuns: 3000 },
  );
  fc.assert(fc.property(tag, (text) => assert.ok(isTagPattern(text) && matchesAnyTag([text], text))));
});
