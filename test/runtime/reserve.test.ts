import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseReserve, reserveOf } from '../../runtime/reserve.ts';

const gibibyte = 2 ** 30;

test('a reserve is a size, a share, or the smaller of both', () => {
  for (const [text, total, bytes] of [
    ['1GiB', 100 * gibibyte, gibibyte],
    ['1.5KiB', 100, 1536],
    ['512MiB', gibibyte, gibibyte / 2],
    ['5%', 100 * gibibyte, 5 * gibibyte],
    ['2.5%', 1000, 25],
    ['1GiB,5%', 1000 * gibibyte, gibibyte],
    ['5%, 1GiB', 10 * gibibyte, gibibyte / 2],
    ['0', gibibyte, 0],
    ['0%', gibibyte, 0],
  ] as const) {
    assert.equal(reserveOf(parseReserve(text)!, total), bytes, text);
  }
});

test('what is no reserve is refused', () => {
  for (const text of [
    '',
    '1',
    '1GB',
    '-1GiB',
    '100%',
    '5 %',
    '1GiB,2GiB',
    '5%,6%',
    '1GiB,',
    '5%%',
    '1GiB,5%,1GiB',
  ]) {
    assert.equal(parseReserve(text), undefined, text);
  }
});
