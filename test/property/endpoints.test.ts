import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatEndpoint, parseEndpoint } from '../../oci/endpoints.ts';
import { anyText, digest, endpoint, onlyOciErrors, repository, session, tag } from './support.ts';

const method = fc.constantFrom('GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'TRACE');

/** Targets that look like real ones: the words of the paths, encoded or not, in any order. */
const piece = fc.oneof(
  fc.constantFrom(
    'a',
    'b-c',
    'tags',
    'list',
    'manifests',
    'blobs',
    'uploads',
    'referrers',
    '_catalog',
    'latest',
  ),
  fc.constantFrom(
    '',
    '.',
    '..',
    '%2e%2e',
    '%2f',
    '%2F',
    '%252f',
    '%00',
    '%zz',
    '%',
    'a%2fb',
    'A',
    '%61',
    '\\',
    'ä',
  ),
  digest,
  digest.map((text) => text.replace(':', '%3A')),
  session,
  tag,
);
const parameter = fc
  .tuple(
    fc.constantFrom(
      'n',
      'last',
      'tag',
      'digest',
      'mount',
      'from',
      'digest-algorithm',
      'artifactType',
      '%6e',
      'x',
      '',
    ),
    fc.oneof(
      fc.string({ maxLength: 20 }),
      fc.constantFrom('1', 'a%2fb', '%', '%ff', '+', '%00', 'a&n=2', 'sha512'),
      digest,
    ),
  )
  .map(([key, value]) => `${key}=${value}`);
const target = fc
  .tuple(fc.array(piece, { maxLength: 8 }), fc.array(parameter, { maxLength: 4 }))
  .map(([path, query]) => `/v2/${path.join('/')}${query.length > 0 ? `?${query.join('&')}` : ''}`);

test('what was formatted is parsed to the same', () => {
  fc.assert(
    fc.property(endpoint, (wanted) => {
      const parsed = parseEndpoint(wanted.method, formatEndpoint(wanted));
      assert.deepEqual(parsed, structuredClone(wanted));
    }),
    { numRuns: 2000 },
  );
});

test('no target throws anything but an OciError', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        anyText,
        target,
        anyText.map((text) => `/v2/${text}`),
      ),
      fc.oneof(method, anyText),
      (text, verb) => {
        onlyOciErrors(() => parseEndpoint(verb, text));
      },
    ),
    { numRuns: 5000 },
  );
});

test('the canonical form of whatever is understood is understood as the same, and is its own canonical form', () => {
  fc.assert(
    fc.property(target, method, (text, verb) => {
      const parsed = onlyOciErrors(() => parseEndpoint(verb, text));
      if (!parsed) return;
      const canonical = formatEndpoint(parsed);
      assert.match(canonical, /^\/v2\/[\x21-\x7e]*$/);
      assert.deepEqual(parseEndpoint(verb, canonical), parsed);
      assert.equal(formatEndpoint(parseEndpoint(verb, canonical)!), canonical);
    }),
    { numRuns: 5000 },
  );
});

test('the canonical form of a target at its limits keeps the limit', () => {
  const wide = fc.string({
    unit: fc.constantFrom(':', '&', '%E2%82%AC', '%FF', '%zz', '+', '%F0%9D%84%9E'),
    maxLength: 300,
  });
  fc.assert(
    fc.property(wide, wide, digest, repository, (last, artifactType, ofWhat, name) => {
      const text = `/v2/${name}/referrers/${ofWhat}?last=${last.replaceAll('&', '%26')}&artifactType=${artifactType.replaceAll('&', '%26')}`;
      const parsed = onlyOciErrors(() => parseEndpoint('GET', text));
      if (parsed) assert.deepEqual(parseEndpoint('GET', formatEndpoint(parsed)), parsed);
    }),
  );
});
