import assert from 'node:assert/strict';
import fs from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import test from 'node:test';
import { Removals } from '../../registry-core/storage/removals.ts';
import { failingCalls } from '../gc/faults-calls.ts';
import { temporaryDirectory } from '../support/files.ts';
import { onEnd } from '../support/scope.ts';

test('a disk that makes the process wait is left to threads for a while, then tried again', async (t) => {
  const directory = await temporaryDirectory(t, 'removals');
  const files = Array.from({ length: 110 }, (_, index) => join(directory, String(index)));
  await Promise.all(files.map((file) => writeFile(file, 'bytes')));
  const { unlinkSync } = fs;
  const slow = new Set([files[0]]);
  fs.unlinkSync = (path) => {
    if (slow.has(String(path))) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60);
    unlinkSync(path);
  };
  onEnd(t, () => {
    fs.unlinkSync = unlinkSync;
    syncBuiltinESMExports();
  });
  const calls = failingCalls(t);
  const removals = new Removals(true);
  for (const file of files.slice(0, 101)) assert.equal(await removals.remove(file), 5);
  const byThreads = calls.passed().flatMap(({ call, path }) => (call === 'unlink' ? [path] : []));
  assert.deepEqual(byThreads, files.slice(1, 101));
  assert.equal(await removals.remove(files[101]!), 5);
  assert.deepEqual(calls.passed(), [], 'directly again');
  assert.deepEqual(
    fs.readdirSync(directory).toSorted(),
    files
      .slice(102)
      .map((file) => file.slice(directory.length + 1))
      .toSorted(),
  );
});

test('who may wait removes and syncs directly; what is not there is no fault', async (t) => {
  const directory = await temporaryDirectory(t, 'removals');
  const [file, gone] = [join(directory, 'file'), join(directory, 'gone', 'file')];
  await writeFile(file, 'bytes');
  const calls = failingCalls(t);
  const removals = new Removals(true);
  // No promise: of thousands of removals it would be the larger part.
  assert.deepEqual(
    [removals.remove(file), removals.remove(file), removals.remove(gone)],
    [5, undefined, undefined],
  );
  await removals.sync();
  assert.deepEqual(calls.passed(), []);
  assert.throws(() => removals.remove(directory), { code: /EISDIR|EPERM/ });
});

test('a sync that makes the process wait leaves the other directories to threads', async (t) => {
  const root = await temporaryDirectory(t, 'removals');
  const directories = ['a', 'b', 'c'].map((name) => join(root, name));
  const { fsyncSync } = fs;
  fs.fsyncSync = (file) => {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60);
    fsyncSync(file);
  };
  onEnd(t, () => {
    fs.fsyncSync = fsyncSync;
    syncBuiltinESMExports();
  });
  for (const directory of directories) fs.mkdirSync(directory);
  const calls = failingCalls(t);
  const removals = new Removals(true);
  for (const directory of directories) removals.changed(directory);
  await removals.sync();
  const synced = () => calls.passed().flatMap(({ call, path }) => (call === 'sync' ? [path] : []));
  assert.deepEqual(synced().toSorted(), directories.slice(1));
  for (const directory of directories) removals.changed(directory);
  calls.fail('sync', 'EIO', /c$/);
  await assert.rejects(removals.sync(), { code: 'EIO' });
  calls.heal();
  calls.passed();
  await removals.sync();
  assert.deepEqual(synced().toSorted(), directories.slice(1), 'all of them once more, the first directly');
});
