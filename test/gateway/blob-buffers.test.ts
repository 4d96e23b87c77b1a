import assert from 'node:assert/strict';
import test from 'node:test';
import {
  type BlobBuffer,
  giveBack,
  largeBytes,
  largestBytes,
  mayReadAhead,
  smallBytes,
  takeBuffer,
} from '../../gateway/blobs/buffers.ts';

const mib = 1024 * 1024;
const proven = 8 * mib;
const sizesOf = (buffers: readonly BlobBuffer[]) => [...new Set(buffers.map(({ bytes }) => bytes.length))];
const sum = (buffers: readonly BlobBuffer[]) => buffers.reduce((total, { bytes }) => total + bytes.length, 0);

test('a transfer begins with small buffers, and gets large ones when it has shown that it reads', () => {
  const first = takeBuffer(0);
  assert.equal(first.bytes.length, smallBytes);
  assert.equal(takeBuffer(proven - 1, first), first, 'the same again');
  const large = takeBuffer(proven, first);
  assert.equal(large.bytes.length, largeBytes);
  assert.equal(takeBuffer(2 * proven, large), large);
  giveBack(large, true);
});

test('those who read share the memory to equal parts, and get more of it when others end', () => {
  const few = Array.from({ length: 16 }, () => takeBuffer(proven));
  assert.deepEqual([sizesOf(few), sum(few)], [[largeBytes], 8 * mib]);
  const last = takeBuffer(proven);
  assert.equal(last.bytes.length, largeBytes / 2);
  const again = few.map((buffer) => takeBuffer(2 * proven, buffer));
  assert.deepEqual(sizesOf(again), [largeBytes / 2], 'those from before as well');
  const crowd = Array.from({ length: 83 }, () => takeBuffer(proven));
  const all = [...again, last, ...crowd].map((buffer) => takeBuffer(3 * proven, buffer));
  assert.deepEqual([all.length, sizesOf(all)], [100, [64 * 1024]]);
  for (const buffer of all.slice(1)) giveBack(buffer, true);
  const alone = takeBuffer(4 * proven, all[0]!);
  assert.equal(alone.bytes.length, largeBytes);
  giveBack(alone, true);
});

test('those who come one after the other, and stop reading, never hold more than 16 MiB together', () => {
  const held = Array.from({ length: 1000 }, () => takeBuffer(proven));
  assert.ok(sum(held.filter(({ bytes }) => bytes.length > smallBytes)) <= 16 * mib);
  for (const buffer of held) giveBack(buffer, false);
  const next = takeBuffer(proven);
  assert.equal(next.bytes.length, largeBytes, 'their end makes room');
  giveBack(next, true);
});

test('at rest are those that were used last', () => {
  const many = Array.from({ length: 16 }, () => takeBuffer(proven));
  for (const buffer of many) giveBack(buffer, true);
  const crowd = Array.from({ length: 64 }, () => takeBuffer(proven)).map((buffer) =>
    takeBuffer(proven, buffer),
  );
  const { bytes } = crowd.at(-1)!;
  for (const buffer of crowd) giveBack(buffer, true);
  const again = Array.from({ length: 64 }, () => takeBuffer(proven)).map((buffer) =>
    takeBuffer(proven, buffer),
  );
  assert.ok(again.some((buffer) => buffer.bytes === bytes));
  for (const buffer of again) giveBack(buffer, true);
});

test('a piece is read ahead while transfers are few', () => {
  const held: BlobBuffer[] = [];
  while (mayReadAhead()) held.push(takeBuffer(proven));
  assert.equal(held.length, 16);
  giveBack(held.pop()!, true);
  assert.ok(mayReadAhead());
  for (const buffer of held) giveBack(buffer, true);
});

test('a buffer that somebody may still read from goes to nobody else', () => {
  const left = takeBuffer(proven);
  giveBack(left, false);
  const others = Array.from({ length: 16 }, () => takeBuffer(proven));
  assert.ok(others.every(({ bytes }) => bytes !== left.bytes));
  for (const buffer of others) giveBack(buffer, true);
});

test('a transfer or two by themselves get the largest, where they can use them', () => {
  const take = (kept?: BlobBuffer) => takeBuffer(proven, kept, largestBytes);
  const four = [take(), take(), take(), take()];
  assert.deepEqual(sizesOf(four), [largestBytes]);
  const fifth = take();
  assert.equal(fifth.bytes.length, largeBytes);
  const all = [...four, fifth].map((buffer) => take(buffer));
  assert.deepEqual(sizesOf(all), [largeBytes], 'those from before as well');
  for (const buffer of all) giveBack(buffer, true);
  const other = takeBuffer(proven);
  assert.equal(other.bytes.length, largeBytes, 'nobody gets more than it asks for');
  giveBack(other, true);
});
