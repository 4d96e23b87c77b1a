import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseContentRange, parseRange, uploadRange } from '../../oci/range.ts';
import { anyText, onlyOciErrors } from './support.ts';

const size = fc.oneof(fc.nat(20), fc.maxSafeNat());
const number = fc.oneof(
  fc.nat(20).map(String),
  fc.maxSafeNat().map(String),
  fc.stringMatching(/^[0-9]{0,40}$/),
);
const rangeText = fc.oneof(
  fc
    .tuple(
      fc.constantFrom('bytes=', 'bytes =', 'bytes ', 'items=', ''),
      number,
      fc.constantFrom('-', '--', ''),
      number,
    )
    .map((parts) => parts.join('')),
  anyText,
);

test('a range lies within the representation', () => {
  fc.assert(
    fc.property(rangeText, size, (text, bytes) => {
      const range = parseRange(text, bytes);
      if (range === undefined || range === 'unsatisfiable') return;
      assert.ok(0 <= range.start && range.start <= range.end && range.end < bytes, JSON.stringify(range));
    }),
    { numRuns: 5000 },
  );
});

test('a range that exists is the one that was asked for', () => {
  fc.assert(
    fc.property(fc.nat(1000), fc.nat(1000), fc.nat(1000), (start, more, beyond) => {
      const bytes = start + more + 1 + beyond;
      assert.deepEqual(parseRange(`bytes=${start}-${start + more}`, bytes), { start, end: start + more });
      assert.deepEqual(parseRange(`bytes=${start}-`, bytes), { start, end: bytes - 1 });
      assert.deepEqual(parseRange(`bytes=-${more + 1}`, bytes), { start: bytes - more - 1, end: bytes - 1 });
    }),
  );
});

test('Content-Range: ordered safe numbers or an OciError', () => {
  fc.assert(
    fc.property(rangeText, (text) => {
      const range = onlyOciErrors(() => parseContentRange(text));
      if (!range) return;
      assert.ok(
        Number.isSafeInteger(range.start) && Number.isSafeInteger(range.end) && range.start <= range.end,
      );
      assert.deepEqual(parseContentRange(`${range.start}-${range.end}`), range);
    }),
    { numRuns: 3000 },
  );
});

test('the Range of an upload is one that a client may send back', () => {
  fc.assert(
    fc.property(fc.nat(1_000_000), (offset) => {
      const { start, end } = parseContentRange(uploadRange(offset));
      assert.deepEqual([start, end], [0, Math.max(0, offset - 1)]);
    }),
  );
});
