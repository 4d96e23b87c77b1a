import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseContentRange, parseRange, uploadRange } from '../../oci/range.ts';

const huge = '9'.repeat(40);

/** RFC 9110 section 14.1.2 and 14.2, against 10,000 bytes. undefined: the header is to be ignored. */
const ranges: readonly [string, [number, number] | 'unsatisfiable' | undefined][] = [
  ['bytes=0-499', [0, 499]],
  ['bytes=500-999', [500, 999]],
  ['bytes=0-0', [0, 0]],
  ['bytes=9999-9999', [9999, 9999]],
  ['bytes=-500', [9500, 9999]],
  ['bytes=-1', [9999, 9999]],
  ['bytes=9500-', [9500, 9999]],
  ['bytes=0-', [0, 9999]],
  ['bytes=9000-20000', [9000, 9999]],
  ['bytes=-20000', [0, 9999]],
  ['bytes=-00001', [9999, 9999]],
  [`bytes=0-${huge}`, [0, 9999]],
  [`bytes=-${huge}`, [0, 9999]],
  ['Bytes=0-1', [0, 1]],
  ['bytes= 0-1 ', [0, 1]],
  ['bytes=10000-', 'unsatisfiable'],
  ['bytes=10000-10001', 'unsatisfiable'],
  ['bytes=-0', 'unsatisfiable'],
  [`bytes=${huge}-`, 'unsatisfiable'],
  ['bytes=5-4', 'unsatisfiable'],
  ['bytes=-', undefined],
  ['bytes=', undefined],
  ['bytes=0-1,5-6', undefined],
  ['bytes=--1', undefined],
  ['bytes=1 2-30', undefined],
  ['bytes=0 - 1', undefined],
  ['bytes=+0-1', undefined],
  ['bytes=0x0-1', undefined],
  ['bytes=1.5-2', undefined],
  ['bytes=٠-١', undefined],
  ['bytes 0-1', undefined],
  ['items=0-1', undefined],
  ['0-1', undefined],
  ['', undefined],
];

for (const [text, wanted] of ranges) {
  test(`Range ${text.slice(0, 30)}`, () => {
    const expected = Array.isArray(wanted) ? { start: wanted[0], end: wanted[1] } : wanted;
    assert.deepEqual(parseRange(text, 10_000), expected);
  });
}

test('nothing of an empty representation can be had', () => {
  for (const text of ['bytes=0-', 'bytes=0-0', 'bytes=-1', 'bytes=-0']) {
    assert.equal(parseRange(text, 0), 'unsatisfiable', text);
  }
});

test('Content-Range of a chunk, as the specification writes it and as clients do', () => {
  for (const text of [
    '5-9',
    'bytes 5-9',
    'bytes=5-9',
    'bytes 5-9/*',
    'bytes 5-9/100',
    '5-9/10',
    `5-9/${huge}`,
    ' 5-9 ',
    '05-09',
  ]) {
    assert.deepEqual(parseContentRange(text), { start: 5, end: 9 }, text);
  }
  assert.deepEqual(parseContentRange('0-0'), { start: 0, end: 0 });
});

test('a malformed Content-Range is 400', () => {
  const bad = [
    '',
    '-',
    '5',
    '5-',
    '-5',
    '9-5',
    'a-b',
    '0-1,2-3',
    '-1-5',
    '0.5-1',
    '0-1/',
    '0-1/x',
    'bytes */5',
    '1 -2',
    '0-9/9',
    '0-9/0',
    'bytes 0-9/5',
  ];
  for (const text of [...bad, `0-${huge}`, `${huge}-${huge}`, '0-1\n2', '٠-١']) {
    assert.throws(
      () => parseContentRange(text),
      { name: 'OciError', code: 'RANGE_INVALID', status: 400 },
      text,
    );
  }
});

test('Range of an upload names the last byte held', () => {
  assert.deepEqual([0, 1, 2, 1000].map(uploadRange), ['0-0', '0-0', '0-1', '0-999']);
});
