import assert from 'node:assert/strict';
import { once } from 'node:events';
import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { acquireLock } from '../../runtime/lock.ts';
import { temporaryDirectory } from '../support/files.ts';
import { moduleUrl, runScript } from './support.ts';

/** Takes the lock, says whether it has it, and stays. */
const holder = `import { acquireLock } from '${moduleUrl('lock.ts')}';
  const lock = await acquireLock(process.argv[2]);
  process.send(lock ? 'held' : 'refused');
  process.on('message', () => { lock.release(); process.send('released'); });`;

test('a second process is refused, until the first one lets go', async (t) => {
  const path = join(await temporaryDirectory(t), 'lock.db');
  const first = await runScript(t, holder, [path]);
  assert.equal(await first.message(), 'held');
  const second = await runScript(t, holder, [path]);
  assert.equal(await second.message(), 'refused');
  assert.equal(await acquireLock(path), undefined);
  const released = once(first.process, 'message');
  first.process.send('release');
  assert.deepEqual((await released)[0], 'released');
  const lock = await acquireLock(path);
  assert.ok(lock);
  lock.release();
});

test('kill -9 frees the lock', async (t) => {
  const path = join(await temporaryDirectory(t), 'lock.db');
  const first = await runScript(t, holder, [path]);
  assert.equal(await first.message(), 'held');
  first.process.kill('SIGKILL');
  await first.exit();
  const lock = await acquireLock(path);
  assert.ok(lock);
  lock.release();
});

test('who waits gets it when it becomes free', async (t) => {
  const path = join(await temporaryDirectory(t), 'lock.db');
  const first = await acquireLock(path);
  const waiting = acquireLock(path, 30_000);
  first!.release();
  const second = await waiting;
  assert.ok(second);
  second.release();
});

test('of many at once one gets it', async (t) => {
  const path = join(await temporaryDirectory(t), 'lock.db');
  const locks = await Promise.all(Array.from({ length: 10 }, () => acquireLock(path)));
  assert.equal(locks.filter(Boolean).length, 1);
  for (const lock of locks) lock?.release();
});

test('the file is the owner’s; one that is no database is an error, not a lock', async (t) => {
  const directory = await temporaryDirectory(t);
  const lock = await acquireLock(join(directory, 'lock.db'));
  assert.equal(statSync(join(directory, 'lock.db')).mode & 0o777, 0o600);
  lock!.release();
  writeFileSync(join(directory, 'text'), 'no database at all, but a text of some length '.repeat(20));
  await assert.rejects(acquireLock(join(directory, 'text')), { code: 'SQLITE_NOTADB' });
  await assert.rejects(acquireLock(join(directory, 'none', 'lock.db')), { code: 'ENOENT' });
});
