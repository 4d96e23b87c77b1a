import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { algorithmOf, hexOf, isDigest, parseAlgorithm, parseDigest } from '../../oci/digest.ts';
import {
  isRepository,
  isTag,
  parseReference,
  parseRepository,
  parseTag,
  referenceText,
} from '../../oci/reference.ts';
import { isPattern, matcherOf, matchesAny, matchesPattern } from '../../oci/repository-pattern.ts';
import { anyText, digest, onlyOciErrors, repository, tag } from './support.ts';

const nearlyRepository = fc.oneof(repository, fc.stringMatching(/^[a-zA-Z0-9._/*-]{0,20}$/), anyText);
const star = fc.stringMatching(/^[ab*]{1,6}$/);
const pattern = fc
  .array(fc.oneof(repository, star, fc.constant('**')), { minLength: 1, maxLength: 4 })
  .map((parts) => parts.join('/'));

test('names, tags and digests: text in, the same text out, or an OciError', () => {
  fc.assert(
    fc.property(fc.oneof(nearlyRepository, tag, digest), (text) => {
      for (const parse of [parseRepository, parseTag, parseDigest, parseAlgorithm]) {
        const parsed = onlyOciErrors(() => parse(text));
        assert.ok(parsed === undefined || parsed === text);
      }
      assert.equal(isRepository(text), onlyOciErrors(() => parseRepository(text)) === text);
      assert.equal(isTag(text), onlyOciErrors(() => parseTag(text)) !== undefined);
      assert.equal(isDigest(text), onlyOciErrors(() => parseDigest(text)) !== undefined);
      const reference = onlyOciErrors(() => parseReference(text));
      if (reference) assert.equal(referenceText(reference), text);
    }),
    { numRuns: 3000 },
  );
});

test('valid ones are accepted', () => {
  fc.assert(
    fc.property(repository, tag, digest, (name, label, content) => {
      assert.ok(isRepository(name) && isTag(label) && isDigest(content));
      assert.equal(`${algorithmOf(content)}:${hexOf(content)}`, content);
    }),
  );
});

test('a name is a pattern that covers itself and nothing else', () => {
  fc.assert(
    fc.property(repository, nearlyRepository, (name, other) => {
      assert.ok(isPattern(name));
      assert.ok(matchesPattern(name, name));
      assert.equal(matchesPattern(name, other), name === other);
    }),
  );
});

test('`name/**` covers what is below the name, and only that', () => {
  fc.assert(
    fc.property(repository, repository, (name, other) => {
      const below = `${name}/${other}`;
      assert.equal(matchesPattern(`${name}/**`, below), true);
      assert.equal(matchesPattern(`${name}/**`, name), false);
      assert.equal(matchesPattern(`${name}/**`, other), other.startsWith(`${name}/`));
    }),
  );
});

test('patterns cover what a plain, slow reading of the rules says', () => {
  const name = fc
    .array(fc.stringMatching(/^[ab]{1,6}$/), { minLength: 1, maxLength: 4 })
    .map((parts) => parts.join('/'));
  fc.assert(
    fc.property(fc.oneof(pattern, anyText), name, (text, repositoryName) => {
      const expected = isPattern(text) && slowMatch(text.split('/'), repositoryName.split('/'));
      assert.equal(matchesPattern(text, repositoryName), expected);
    }),
    { numRuns: 5000 },
  );
});

test('many patterns at once cover what each of them covers', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(pattern, anyText), { maxLength: 6 }), repository, (patterns, name) => {
      const withTrees = [...patterns, ...patterns.map((text) => `${text}/**`)];
      const parent = name.split('/').slice(0, -1).join('/');
      for (const texts of [withTrees, [...withTrees, name], [...withTrees, `${parent}/**`]]) {
        assert.equal(matcherOf(texts)(name), matchesAny(texts, name));
      }
    }),
    { numRuns: 2000 },
  );
});

function slowMatch([first, ...rest]: string[], [segment, ...below]: string[]): boolean {
  if (first === undefined || segment === undefined) return first === undefined && segment === undefined;
  if (first === '**') return true;
  return slowSegment(first, segment) && slowMatch(rest, below);
}

function slowSegment(text: string, segment: string): boolean {
  if (text === '') return segment === '';
  if (text[0] !== '*') return text[0] === segment[0] && slowSegment(text.slice(1), segment.slice(1));
  return slowSegment(text.slice(1), segment) || (segment !== '' && slowSegment(text, segment.slice(1)));
}
