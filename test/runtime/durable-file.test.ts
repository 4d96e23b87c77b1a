import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { syncDirectory, writeFileDurably } from '../../runtime/durable-file.ts';
import { temporaryDirectory } from '../support/files.ts';

test('a file is made with the mode that was asked for, 0600 otherwise', async (t) => {
  const before = process.umask(0);
  t.after(() => process.umask(before));
  const directory = await temporaryDirectory(t);
  await writeFileDurably(join(directory, 'a'), 'text');
  await writeFileDurably(join(directory, 'b'), new Uint8Array([1, 2]), 0o644);
  assert.equal(readFileSync(join(directory, 'a'), 'utf8'), 'text');
  assert.deepEqual([...readFileSync(join(directory, 'b'))], [1, 2]);
  const modes = ['a', 'b'].map((name) => statSync(join(directory, name)).mode & 0o777);
  assert.deepEqual(modes, [0o600, 0o644]);
});

test('a file is replaced as a whole: its reader keeps the old content, its mode is the new one', async (t) => {
  const path = join(await temporaryDirectory(t), 'file');
  writeFileSync(path, 'a much longer old content', { mode: 0o644 });
  const inode = statSync(path).ino;
  await writeFileDurably(path, 'new');
  assert.equal(readFileSync(path, 'utf8'), 'new');
  assert.notEqual(statSync(path).ino, inode);
  assert.equal(statSync(path).mode & 0o777, 0o600);
});

test('a symbolic link is replaced, not followed', async (t) => {
  const directory = await temporaryDirectory(t);
  writeFileSync(join(directory, 'target'), 'untouched');
  symlinkSync('target', join(directory, 'link'));
  await writeFileDurably(join(directory, 'link'), 'new');
  assert.equal(readFileSync(join(directory, 'target'), 'utf8'), 'untouched');
  assert.equal(readFileSync(join(directory, 'link'), 'utf8'), 'new');
});

test('what fails leaves nothing behind', async (t) => {
  const directory = await temporaryDirectory(t);
  mkdirSync(join(directory, 'taken', 'x'), { recursive: true });
  await assert.rejects(writeFileDurably(join(directory, 'taken'), 'new'), {
    code: /EISDIR|ENOTEMPTY|EEXIST/,
  });
  await assert.rejects(writeFileDurably(join(directory, 'none', 'file'), 'new'), { code: 'ENOENT' });
  assert.deepEqual(readdirSync(directory), ['taken']);
});

test('many writers at once: one whole content, no leftovers', async (t) => {
  const directory = await temporaryDirectory(t);
  const contents = Array.from({ length: 20 }, (_, i) => `${i}`.repeat(10_000));
  await Promise.all(contents.map((content) => writeFileDurably(join(directory, 'file'), content)));
  assert.ok(contents.includes(readFileSync(join(directory, 'file'), 'utf8')));
  assert.deepEqual(readdirSync(directory), ['file']);
});

test('a directory that is not there cannot be synced', async (t) => {
  const directory = await temporaryDirectory(t);
  await syncDirectory(directory);
  await assert.rejects(syncDirectory(join(directory, 'none')), { code: 'ENOENT' });
});
