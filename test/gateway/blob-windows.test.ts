import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import {
  type BlobBuffer,
  giveBack,
  largeBytes,
  largestBytes,
  mayReadAhead,
  takeBuffer,
  takeLarge,
} from '../../gateway/blobs/buffers.ts';
import { openBlobFile } from '../../gateway/blobs/file.ts';
import { type Load, pieceBytes, SharedFile, type Window } from '../../gateway/blobs/windows.ts';
import { temporaryDirectory } from '../support/files.ts';
import { onEnd, type Scope } from '../support/scope.ts';

const mib = 1024 * 1024;
const windows = (8 * mib) / largeBytes;
const size = 20 * mib;
const content = randomBytes(size);

/** Reads from `content`, when it is let; and what was read. */
function counted() {
  const loads: number[] = [];
  const load: Load = async (bytes, position) => {
    loads.push(position / largeBytes);
    await new Promise(setImmediate);
    return content.copy(bytes, 0, position);
  };
  return { loads, load };
}

function joined(scope: Scope, id: string, readers = 2): SharedFile {
  const all = Array.from({ length: readers }, () => SharedFile.join(id, size));
  onEnd(scope, () => all.forEach((file) => void file.leave()));
  return all[0]!;
}

/** What is read ahead is there, too. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise(setImmediate);
}

/** All the memory there is for windows, if nobody has any of it, or keeps it for whoever may want it. */
function takeAll(): BlobBuffer[] {
  const taken: BlobBuffer[] = [];
  for (let next = takeLarge(false); next; next = takeLarge(false)) taken.push(next);
  for (const buffer of taken) giveBack(buffer, true);
  return taken;
}

test('what several send is read once, and the next window meanwhile', async (t) => {
  const file = joined(t, 'once', 3);
  const { loads, load } = counted();
  const held = [1, 2, 3].map(() => file.take(100, true, load)!);
  assert.deepEqual(loads, [0, 1]);
  for (const window of held) assert.ok((await window.bytes).equals(content.subarray(0, largeBytes)));
  const next = file.take(largeBytes, true, load)!;
  assert.equal(next.start, largeBytes);
  assert.deepEqual(loads, [0, 1, 2]);
  for (const window of [...held, next]) file.giveBack(window, true);
  const last = file.take(size - 1, true, load)!;
  assert.equal(loads.at(-1), size / largeBytes - 1, 'nothing is read behind the end');
  await last.bytes;
  file.giveBack(last, true);
});

test('whoever is alone has no windows, and those of others go when they do', async (t) => {
  const [one, other] = [SharedFile.join('alone', size), SharedFile.join('alone', size)];
  assert.equal(one, other);
  onEnd(t, () => one.leave());
  const { load } = counted();
  const window = one.take(0, true, load)!;
  await window.bytes;
  await settled();
  other.leave();
  assert.equal(one.take(0, true, load), undefined);
  assert.equal(takeAll().length, windows - 1, 'but for what is held');
  one.giveBack(window, true);
  assert.equal(takeAll().length, windows);
});

test('memory is bounded: the window left first makes room, a held one never', async (t) => {
  const file = joined(t, 'bounded');
  const { loads, load } = counted();
  const held: Window[] = [];
  for (let index = 0; index < windows; index++) {
    const window = file.take(index * largeBytes, true, load)!;
    await window.bytes;
    held.push(window);
  }
  assert.equal(file.take(windows * largeBytes, true, load), undefined, 'all are held');
  file.giveBack(held[3]!, true);
  file.giveBack(held[1]!, true);
  const before = loads.length;
  const next = file.take(windows * largeBytes, true, load)!;
  await next.bytes;
  assert.deepEqual(loads.slice(before), [windows], 'nothing ahead where so many are at different places');
  assert.ok((await held[0]!.bytes).equals(content.subarray(0, largeBytes)), 'others are as they were');
  for (const window of [held[0]!, next, ...held.slice(2).filter((window) => window !== held[3])]) {
    file.giveBack(window, true);
  }
});

test('a failed read fails for all who wait, and is tried again by the next', async (t) => {
  const file = joined(t, 'failing');
  let fails = true;
  const load: Load = async (bytes, position) => {
    await new Promise(setImmediate);
    if (fails) throw new Error('EIO');
    return content.copy(bytes, 0, position);
  };
  const held = [1, 2].map(() => file.take(0, true, load)!);
  for (const window of held) await assert.rejects(window.bytes, /EIO/);
  for (const window of held) file.giveBack(window, true);
  fails = false;
  const again = file.take(0, true, load)!;
  assert.ok((await again.bytes).equals(content.subarray(0, largeBytes)));
  file.giveBack(again, true);
});

test('what somebody who was cut off may still read from goes to nobody else', async () => {
  const [file] = [SharedFile.join('cut off', size), SharedFile.join('cut off', size)];
  const { load } = counted();
  const [first, other] = [file!.take(0, true, load)!, file!.take(0, true, load)!];
  const bytes = await first.bytes;
  await settled();
  file!.giveBack(first, false);
  assert.ok((await other.bytes).equals(content.subarray(0, largeBytes)), 'who sends it goes on');
  file!.giveBack(other, true);
  for (let readers = 2; readers > 0; readers--) file!.leave();
  const all = takeAll();
  assert.equal(all.length, windows);
  assert.ok(all.every((buffer) => buffer.bytes.buffer !== bytes.buffer));
});

/** All windows that there is memory for, each left alone again. */
async function fill(file: SharedFile, load: Load): Promise<void> {
  for (let index = 0; index < windows; index++) {
    const window = file.take(index * largeBytes, true, load)!;
    await window.bytes;
    file.giveBack(window, true);
  }
  await settled();
}

test('who may not stay takes no memory from windows: it would read the same again and again', async (t) => {
  const file = joined(t, 'visitors');
  const { loads, load } = counted();
  await fill(file, load);
  const before = loads.length;
  assert.equal(file.take(30 * largeBytes, false, load), undefined);
  const there = file.take(3 * largeBytes, false, load)!;
  file.giveBack(there, true);
  assert.equal(loads.length, before);
  const stays = file.take(30 * largeBytes, true, load)!;
  assert.equal(loads[before], 30);
  await stays.bytes;
  await settled();
  file.giveBack(stays, true);
});

test('readers at many places of a file do not read more than they send', async (t) => {
  const readers = 20;
  const file = joined(t, 'places', readers);
  const { loads, load } = counted();
  for (let step = 0; step < 16; step++) {
    for (let reader = 0; reader < readers; reader++) {
      const window = file.take(reader * 2 * largeBytes + step * 32 * 1024, false, load);
      if (!window) continue;
      await window.bytes;
      file.giveBack(window, true);
    }
  }
  assert.ok(loads.length <= windows, `${loads.length} windows were read`);
  assert.equal(new Set(loads).size, loads.length);
});

test('windows that nobody holds are in nobody’s way', async (t) => {
  const file = joined(t, 'offered');
  const { load } = counted();
  await fill(file, load);
  const proven = 8 * mib;
  const own = takeBuffer(proven, undefined, largestBytes);
  const ahead = takeBuffer(proven, undefined, largestBytes);
  assert.deepEqual([own.bytes.length, ahead.bytes.length], [largestBytes, largestBytes]);
  assert.equal(mayReadAhead(), true);
  assert.equal(takeAll().length, 0, 'the memory is theirs, and of the windows that were left');
  for (const buffer of [own, ahead]) giveBack(buffer, true);
});

test('a window whose reading fails late takes no other one with it', async (t) => {
  const file = SharedFile.join('late', size);
  const second = SharedFile.join('late', size);
  onEnd(t, () => file.leave());
  const failing = Promise.withResolvers<number>();
  const late = file.take(0, true, () => failing.promise)!;
  second.leave();
  const third = SharedFile.join('late', size);
  const { load } = counted();
  const anew = file.take(0, true, load)!;
  assert.notEqual(anew, late);
  await anew.bytes;
  await settled();
  failing.reject(new Error('EIO'));
  await assert.rejects(late.bytes, /EIO/);
  await settled();
  assert.equal(file.take(0, true, load), anew);
  for (const window of [late, anew, anew]) file.giveBack(window, true);
  third.leave();
  assert.equal(takeAll().length, windows);
});

test('what is sent at once is an equal part, whatever the crowd', (t) => {
  assert.equal(pieceBytes(), largeBytes);
  const crowd = Array.from({ length: 100 }, () => SharedFile.join('crowd', size));
  assert.equal(pieceBytes(), 64 * 1024);
  for (const file of crowd) file.leave();
  assert.equal(pieceBytes(), largeBytes);
  const alone = joined(t, 'not shared', 1);
  assert.equal(alone.isShared, false);
  assert.equal(pieceBytes(), largeBytes);
});

/** Takes bytes as a socket does: they are its own only when it calls back; a destroyed one goes on reading for a while. */
function sink(received: Buffer[], pause: () => Promise<unknown>): Writable {
  return new Writable({
    highWaterMark: 1,
    async write(chunk: Buffer, _encoding, done) {
      const before = Buffer.from(chunk);
      await pause();
      assert.ok(chunk.equals(before), 'overwritten while it was being sent');
      received.push(before);
      done();
    },
  });
}

test('any parts, at any speed, some given up: each gets its bytes, and nothing is left behind', async (t) => {
  const root = await temporaryDirectory(t, 'windows');
  await writeFile(join(root, 'f'), content);
  let seed = 1;
  const random = (below: number) => {
    seed = (seed * 48271) % 2147483647;
    return seed % below;
  };
  const speeds = [() => Promise.resolve(), () => new Promise(setImmediate), () => delay(random(3))];
  const transfers = Array.from({ length: 40 }, async (_, number) => {
    await delay(random(200));
    const file = await openBlobFile(root, '/f');
    const start = number % 3 === 0 ? 0 : random(size);
    const length = number % 3 === 0 ? size : random(size - start);
    const received: Buffer[] = [];
    const destination = sink(received, speeds[number % 3]!);
    if (number % 4 === 1) setTimeout(() => destination.destroy(), random(150));
    await file.send(destination, start, length);
    await file.close();
    const all = Buffer.concat(received);
    if (!destination.destroyed) assert.equal(all.length, length);
    assert.ok(all.equals(content.subarray(start, start + all.length)), `transfer ${number}`);
  });
  await Promise.all(transfers);
  assert.equal(takeAll().length, windows);
});

test('a file that shrinks is an error for all who send it, and leaves nothing behind', async (t) => {
  const root = await temporaryDirectory(t, 'windows');
  await writeFile(join(root, 'f'), content);
  const files = await Promise.all(Array.from({ length: 4 }, () => openBlobFile(root, '/f')));
  const sending = files.map((file) =>
    file.send(
      sink([], () => new Promise(setImmediate)),
      0,
      size,
    ),
  );
  await delay(1);
  await truncate(join(root, 'f'), 10 * mib - 5);
  for (const result of await Promise.allSettled(sending)) {
    assert.match(String((result as PromiseRejectedResult).reason), /ends before/);
  }
  await Promise.all(files.map((file) => file.close()));
  assert.equal(takeAll().length, windows);
});
