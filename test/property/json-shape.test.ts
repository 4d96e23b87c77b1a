import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { checkJsonShape } from '../../oci/json-shape.ts';
import { onlyOciErrors } from './support.ts';

/** By a plain recursion: how deep a value is nested. */
function depthOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depthOf));
}

const isTaken = (text: string) => onlyOciErrors(() => checkJsonShape(Buffer.from(text)) ?? true) === true;

test('JSON is taken exactly when it is nested at most 64 levels deep, however it is written', () => {
  const tricky = fc.string({ unit: fc.constantFrom('"', '\\', '[', '{', ']', '}', ',', 'a', 'é', '\u0000') });
  const leaf = fc.oneof(fc.jsonValue({ maxDepth: 2 }), tricky, fc.dictionary(tricky, tricky));
  const indent = fc.constantFrom(0, 1, '\t');
  fc.assert(
    fc.property(leaf, fc.nat(70), tricky, indent, (inner, levels, name, spaces) => {
      let value: unknown = inner;
      for (let level = 0; level < levels; level++)
        value = level % 2 === 0 ? { [name]: value, a: 1 } : [value];
      const text = JSON.stringify(value, null, spaces);
      assert.equal(isTaken(text), depthOf(JSON.parse(text)) <= 64, text.slice(0, 300));
    }),
    { numRuns: 2000 },
  );
});

test('bytes that are no JSON are left to the parser, or refused by an OciError', () => {
  fc.assert(fc.property(fc.uint8Array(), (bytes) => void onlyOciErrors(() => checkJsonShape(bytes))));
});
