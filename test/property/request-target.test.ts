import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatEndpoint, parseEndpoint } from '../../oci/endpoints.ts';
import { OciError } from '../../oci/errors.ts';
import {
  decodeSegment,
  type Entry,
  formatQuery,
  maxTargetLength,
  Parameters,
  splitTarget,
} from '../../oci/request-target.ts';
import { anyText, endpoint, onlyOciErrors } from './support.ts';

const wellFormed = fc.string({ unit: 'grapheme', maxLength: 60 }).filter((text) => text.isWellFormed());
const key = fc.constantFrom('n', 'last', 'artifactType', 'digest-algorithm');

test('a target that is taken is ASCII, in its limit, and put together again it is the same', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        anyText,
        anyText.map((text) => `/${text}`),
      ),
      (target) => {
        const parts = onlyOciErrors(() => splitTarget(target));
        if (!parts) return;
        assert.match(target, /^\/[\x21-\x7e]*$/);
        assert.ok(target.length <= maxTargetLength && !parts.path.includes('?'));
        assert.equal(target.includes('?') ? `${parts.path}?${parts.query}` : parts.path, target);
      },
    ),
    { numRuns: 3000 },
  );
});

test('a segment is decoded once, never into a separator, or refused', () => {
  fc.assert(
    fc.property(wellFormed, fc.nat(3), (text, times) => {
      let encoded = text;
      for (let time = 0; time <= times; time++) encoded = encodeURIComponent(encoded);
      const decoded = onlyOciErrors(() => decodeSegment(encoded));
      if (times === 0 && text.includes('/')) assert.equal(decoded, undefined);
      else assert.equal(decoded, decodeURIComponent(encoded));
    }),
    { numRuns: 2000 },
  );
  fc.assert(
    fc.property(anyText, (text) => {
      const decoded = onlyOciErrors(() => decodeSegment(text));
      if (text.includes('%') && decoded !== undefined) assert.ok(!decoded.includes('/'));
    }),
    { numRuns: 2000 },
  );
});

test('overlong UTF-8 is no UTF-8, in a path', () => {
  for (const text of [
    '%c0%af',
    '%C0%AE%C0%AE',
    '%e0%80%af',
    '%f0%80%80%af',
    '%ed%a0%80',
    '%ff',
    '%c3',
    '%80',
  ])
    assert.throws(() => decodeSegment(text), OciError);
});

test('a query that was formatted is read to the same, whatever stands in it', () => {
  fc.assert(
    fc.property(fc.dictionary(key, wellFormed), (given) => {
      const { query } = splitTarget(`/${formatQuery(Object.entries(given) as Entry[])}`);
      const parameters = new Parameters(query);
      for (const [name, text] of Object.entries(given)) assert.equal(parameters.one(name), text);
    }),
    { numRuns: 2000 },
  );
});

test('no query throws anything but an OciError', () => {
  fc.assert(
    fc.property(anyText, fc.oneof(key, anyText), (query, name) => {
      const parameters = new Parameters(query);
      onlyOciErrors(() => parameters.one(name));
      onlyOciErrors(() => parameters.text(name));
      assert.ok(Array.isArray(parameters.all(name)));
    }),
    { numRuns: 2000 },
  );
});

/** Spellings of a name that all decode to it. */
const spelling = (name: string) =>
  fc
    .array(fc.boolean(), { minLength: name.length, maxLength: name.length })
    .map((escaped) =>
      [...name]
        .map((letter, at) => (escaped[at] ? `%${letter.charCodeAt(0).toString(16)}` : letter))
        .join(''),
    );

test('every parameter that takes one value is refused when it comes twice, however it is written', () => {
  let doubled = 0;
  fc.assert(
    fc.property(endpoint, fc.boolean(), fc.nat(), fc.gen(), (wanted, same, which, generate) => {
      const target = formatEndpoint(wanted);
      const entries = new URLSearchParams(splitTarget(target).query);
      const names = [...new Set(entries.keys())].filter((name) => name !== 'tag');
      const name = names[which % Math.max(1, names.length)];
      if (name === undefined) return;
      const again = `${generate(spelling, name)}=${same ? encodeURIComponent(entries.get(name)!) : ''}`;
      const isTwice = (error: unknown) =>
        error instanceof OciError && error.code === 'PARAMETER_INVALID' && error.status === 400;
      if (target.length + again.length >= maxTargetLength) return;
      assert.throws(() => parseEndpoint(wanted.method, `${target}&${again}`), isTwice);
      doubled++;
    }),
    { numRuns: 2000 },
  );
  assert.ok(doubled > 500, `only ${doubled} had a parameter, the generator is no good`);
});
