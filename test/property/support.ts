import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Digest } from '../../oci/digest.ts';
import type { Endpoint } from '../../oci/endpoints.ts';
import { OciError } from '../../oci/errors.ts';

const hex = (length: number) =>
  fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: length, maxLength: length });

export const digest: fc.Arbitrary<Digest> = fc.oneof(
  hex(64).map((text): Digest => `sha256:${text}`),
  hex(128).map((text): Digest => `sha512:${text}`),
);

const word = fc.oneof(
  fc.stringMatching(/^[a-z0-9]{1,8}$/),
  // The words of the paths are names like any other.
  fc.constantFrom('v2', 'tags', 'list', 'manifests', 'blobs', 'uploads', 'referrers'),
);
const separator = fc.constantFrom('.', '_', '__', '-', '---');
const component = fc
  .tuple(word, fc.array(fc.tuple(separator, word), { maxLength: 2 }))
  .map(([first, rest]) => first + rest.flat().join(''));

export const repository = fc
  .array(component, { minLength: 1, maxLength: 5 })
  .map((parts) => parts.join('/'))
  .filter((name) => name.length <= 255);

export const tag = fc.stringMatching(/^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/);

const read = fc.constantFrom('GET' as const, 'HEAD' as const);
// No lone surrogates: what was percent-decoded as UTF-8 has none.
const freeText = fc.string({ unit: 'grapheme', maxLength: 60 }).filter((text) => text.length <= 255);
const page = { n: fc.nat(1_000_000), last: freeText };
export const session = fc.uuid();

/** Any that a client may ask for. */
export const endpoint: fc.Arbitrary<Endpoint> = fc.oneof(
  fc.record({ kind: fc.constant('base' as const), method: read }),
  fc.record(
    { kind: fc.constant('catalog' as const), method: read, ...page },
    { requiredKeys: ['kind', 'method'] },
  ),
  fc.record(
    {
      kind: fc.constant('search' as const),
      method: read,
      text: freeText.map((text) => text.toLowerCase()).filter((text) => text.length <= 255),
      n: page.n,
    },
    { requiredKeys: ['kind', 'method', 'text'] },
  ),
  fc.record(
    { kind: fc.constant('tags' as const), method: read, repository, ...page },
    { requiredKeys: ['kind', 'method', 'repository'] },
  ),
  fc.record(
    {
      kind: fc.constant('referrers' as const),
      method: read,
      repository,
      digest,
      artifactType: freeText.filter(Boolean),
      ...page,
    },
    { requiredKeys: ['kind', 'method', 'repository', 'digest'] },
  ),
  fc.record({
    kind: fc.constant('manifest' as const),
    method: fc.constantFrom('GET' as const, 'HEAD' as const, 'PUT' as const, 'DELETE' as const),
    repository,
    reference: fc.oneof(fc.record({ tag }), fc.record({ digest })),
    tags: fc.uniqueArray(tag, { maxLength: 50 }),
  }),
  fc.record({
    kind: fc.constant('blob' as const),
    method: fc.constantFrom('GET' as const, 'HEAD' as const, 'DELETE' as const),
    repository,
    digest,
  }),
  fc.record(
    {
      kind: fc.constant('uploads' as const),
      method: fc.constant('POST' as const),
      repository,
      digest,
      digestAlgorithm: fc.constantFrom('sha256' as const, 'sha512' as const),
      mount: digest,
      from: repository,
    },
    { requiredKeys: ['kind', 'method', 'repository'] },
  ),
  fc.record(
    {
      kind: fc.constant('upload' as const),
      method: fc.constantFrom(
        'GET' as const,
        'HEAD' as const,
        'PATCH' as const,
        'PUT' as const,
        'DELETE' as const,
      ),
      repository,
      session,
      digest,
    },
    { requiredKeys: ['kind', 'method', 'repository', 'session'] },
  ),
);

/** Text of any kind: ASCII, whole characters, lone surrogates, property names that every object has. */
export const anyText = fc.oneof(
  fc.string(),
  fc.string({ unit: 'grapheme' }),
  fc.string({ unit: 'binary' }),
  fc.string({ unit: fc.integer({ min: 0xd7ff, max: 0xe000 }).map((code) => String.fromCharCode(code)) }),
  fc.constantFrom('__proto__', 'constructor', 'toString', 'hasOwnProperty'),
);

/** Runs a parser that may refuse, by an OciError only. @returns undefined when it refused. */
export function onlyOciErrors<Value>(parse: () => Value): Value | undefined {
  try {
    return parse();
  } catch (error) {
    assert.ok(error instanceof OciError, `threw ${String(error)}`);
    assert.ok(error.status >= 400 && error.status < 500, `status ${error.status}`);
    JSON.parse(error.toBody());
    return undefined;
  }
}
