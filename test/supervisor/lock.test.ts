import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryDirectory } from '../support/files.ts';
import { isAlive } from '../support/processes.ts';
import { eventually, supervise, tell } from './support.ts';

test('a second supervisor on the data directory is refused and disturbs nothing', async (t) => {
  const first = await supervise(t);
  await first.says('ready');
  const pids = await first.pids();
  const second = await supervise(t, { data: first.data });
  assert.equal(await second.exit(), 1);
  assert.match(second.stdout(), new RegExp(`^failed: .*process ${first.pid}\\b.*${first.data}`, 'm'));
  assert.deepEqual(await first.pids(), pids);
  assert.equal(first.events().length, 3);
});

test('of two that start at once, one runs and the other is refused', async (t) => {
  const data = await temporaryDirectory(t);
  const both = await Promise.all([supervise(t, { data }), supervise(t, { data })]);
  await eventually('one is ready, one failed', () => {
    const said = both.map((it) => it.stdout()).join('');
    return said.includes('ready') && said.includes('failed');
  });
  assert.deepEqual(readdirSync(join(data, 'run')).filter((name) => name.endsWith('.pid')).length, 1);
});

test('kill -9 frees the lock at once, and the orphans drain and end by themselves', async (t) => {
  const first = await supervise(t);
  await first.says('ready');
  const pids = Object.values(await first.pids()) as number[];
  first.process.kill('SIGKILL');
  const second = await supervise(t, { data: first.data });
  await second.says('ready');
  await eventually('the orphans end', () => !pids.some(isAlive));
  const drained = second.events().filter((event) => event.startsWith('drain'));
  assert.deepEqual(drained.sort(), ['drain core', 'drain gateway', 'drain gc']);
});

test('a process whose supervisor dies while it starts ends, too', async (t) => {
  const it = await supervise(t);
  await it.says('locked');
  const core = await eventually(
    'core is there',
    async () => ((await it.pids().catch(() => ({}))) as Record<string, number>)['core'],
  );
  it.process.kill('SIGKILL');
  await eventually('core ends', () => !isAlive(core));
});

test('a lock that was freed by a stop is there for the next', async (t) => {
  const first = await supervise(t);
  await first.says('ready');
  first.process.kill('SIGTERM');
  assert.equal(await first.exit(), 0);
  const second = await supervise(t, { data: first.data });
  await second.says('ready');
});

test('a data directory with a path of 150 bytes works', async (t) => {
  const base = await temporaryDirectory(t);
  const data = join(base, 'd'.repeat(150 - Buffer.byteLength(base)));
  const it = await supervise(t, { data });
  await it.says('ready');
  assert.equal((await it.status()).pid, it.pid);
  it.process.kill('SIGTERM');
  assert.equal(await it.exit(), 0);
});

test('the data directory is made for its owner alone', async (t) => {
  const base = await temporaryDirectory(t);
  const data = join(base, 'deep', 'data');
  const it = await supervise(t, { data });
  await it.says('ready');
  assert.equal(statSync(data).mode & 0o777, 0o700);
  assert.equal(statSync(join(data, 'run')).mode & 0o777, 0o700);
});

test('a run directory that others can reach is closed to them', async (t) => {
  const data = await temporaryDirectory(t);
  mkdirSync(join(data, 'run'));
  chmodSync(join(data, 'run'), 0o755);
  const it = await supervise(t, { data });
  await it.says('locked');
  assert.equal(statSync(join(data, 'run')).mode & 0o777, 0o700);
});

test('a data directory that is a file is refused in plain words', async (t) => {
  const data = join(await temporaryDirectory(t), 'file');
  writeFileSync(data, '');
  const it = await supervise(t, { data });
  assert.equal(await it.exit(), 1);
  assert.match(it.stdout(), /^failed: the data directory .* cannot be used: it is not a directory/m);
});

test('an old id in the pid file confuses nobody', async (t) => {
  const data = await temporaryDirectory(t);
  mkdirSync(join(data, 'run'));
  tell(data, 'run/supervisor.pid', '1\n');
  const it = await supervise(t, { data });
  await it.says('ready');
});
