import assert from 'node:assert/strict';
import { existsSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { isDiskFull, keepBallast, releaseBallast, withBallast } from '../../runtime/ballast.ts';
import { smallDisk } from '../support/disk.ts';
import { temporaryDirectory } from '../support/files.ts';
import { notRoot } from '../support/tools.ts';

const full = () => Object.assign(new Error('full'), { code: 'SQLITE_FULL' });

test('the ballast takes up room, is made once, and lets go of it', async (t) => {
  const path = join(await temporaryDirectory(t), 'ballast');
  await keepBallast(path);
  const { ino, size, blocks, mode } = statSync(path);
  assert.equal(size, 8 * 2 ** 20);
  assert.ok(blocks * 512 >= size);
  assert.equal(mode & 0o777, 0o600);
  await keepBallast(path);
  assert.equal(statSync(path).ino, ino);
  assert.equal(await releaseBallast(path), true);
  assert.equal(await releaseBallast(path), false);
});

test('one that was cut off while it was made is made anew', async (t) => {
  const directory = await temporaryDirectory(t);
  writeFileSync(join(directory, 'ballast.new'), 'a part');
  await keepBallast(join(directory, 'ballast'));
  assert.deepEqual(readdirSync(directory), ['ballast']);
});

test('on a small file system it takes a small part, and on a full one nothing', {
  skip: notRoot(),
}, async (t) => {
  const disk = await smallDisk(t, '16m');
  const path = join(disk.path, 'kept');
  await keepBallast(path);
  assert.equal(statSync(path).size, 2 ** 18);
  await releaseBallast(path);
  await disk.fill();
  await assert.rejects(keepBallast(path), { code: 'ENOSPC' });
  assert.deepEqual(readdirSync(disk.path), ['ballast']);
});

test('work that finds the disk full is done once more in the room of the ballast, and only then', async (t) => {
  const path = join(await temporaryDirectory(t), 'ballast');
  const failing = (times: number, error: Error) => {
    let calls = 0;
    return async () => {
      if (calls++ < times) throw error;
      return calls;
    };
  };
  await keepBallast(path);
  await assert.rejects(withBallast(path, failing(1, new Error('something else'))), /something else/);
  assert.ok(existsSync(path));
  assert.equal(await withBallast(path, failing(1, full())), 2);
  assert.ok(!existsSync(path));
  await assert.rejects(withBallast(path, failing(1, full())), /full/);
  await keepBallast(path);
  await assert.rejects(withBallast(path, failing(2, full())), /full/);
  assert.deepEqual(
    [isDiskFull(undefined), isDiskFull(new Error()), isDiskFull(full())],
    [false, false, true],
  );
});
