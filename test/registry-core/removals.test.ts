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
