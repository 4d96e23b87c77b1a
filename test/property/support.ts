import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Digest } from '../../oci/digest.ts';
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
