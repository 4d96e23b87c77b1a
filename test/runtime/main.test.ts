import assert from 'node:assert/strict';
import { once } from 'node:events';
import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryDirectory } from '../support/files.ts';
import type { Scope } from '../support/scope.ts';
import { moduleUrl, runScript } from './support.ts';

const script = (start: string) => `import { writeFileSync } from 'node:fs';
  import { runMain } from '${moduleUrl('main.ts')}';
  const say = (text) => process.stdout.write(text + '\\n');
  await runMain('core', async (config, log) => { ${start} });`;

/** Stays until it is drained, and says what happens to it. */
const stays = script(`const timer = setInterval(() => {}, 60_000);
  say('started');
  return {
    async drain() { say('drained'); clearInterval(timer); },
    async reload() { say('reloaded'); },
  };`);

const alone = { stdio: ['ignore', 'pipe', 'pipe'] as ('ignore' | 'pipe')[] };

async function startSupervised(scope: Scope, source: string) {
  const child = await runScript(scope, source, ['--data', await temporaryDirectory(scope)]);
  assert.deepEqual(await child.message(), { type: 'ready' }, child.stderr());
  return child;
}

async function startAlone(scope: Scope, source: string) {
  const child = await runScript(scope, source, ['--data', await temporaryDirectory(scope)], alone);
  await child.says('started');
  return child;
}

test('a supervised process drains and ends when its channel closes', async (t) => {
  const child = await startSupervised(t, stays);
  child.process.disconnect();
  assert.deepEqual(await child.exit(), { code: 0, signal: null });
  assert.equal(child.stdout(), 'started\ndrained\n');
  assert.match(child.stderr(), /"reason":"the supervisor is gone"/);
});

test('so does one whose supervisor is killed', async (t) => {
  const file = join(await temporaryDirectory(t), 'child.mjs');
  writeFileSync(file, stays);
  // The grandchild holds our end of the pipe open until it has ended, too.
  const supervisor = await runScript(
    t,
    `import { fork } from 'node:child_process';
     const child = fork('${file}', ['--data', process.argv[2]], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
     child.once('message', (message) => process.send(message));`,
    [await temporaryDirectory(t)],
  );
  assert.deepEqual(await supervisor.message(), { type: 'ready' });
  supervisor.process.kill('SIGKILL');
  assert.deepEqual(await supervisor.exit(), { code: null, signal: 'SIGKILL' });
  assert.equal(supervisor.stdout(), 'started\ndrained\n');
});

test('a supervisor that goes while the process starts is noticed when it is up', async (t) => {
  const source = script(`process.send('starting');
    await new Promise((resolve) => process.once('disconnect', resolve));
    return { async drain() { say('drained'); } };`);
  const child = await runScript(t, source, ['--data', await temporaryDirectory(t)]);
  assert.equal(await child.message(), 'starting');
  child.process.disconnect();
  assert.deepEqual(await child.exit(), { code: 0, signal: null });
  assert.equal(child.stdout(), 'drained\n');
});

test('SIGINT is the supervisor’s to handle; SIGTERM drains, once', async (t) => {
  const child = await startSupervised(t, stays);
  child.process.kill('SIGINT');
  // Signals of one sender are handled in order: what comes after SIGINT shows that it did nothing.
  child.process.kill('SIGHUP');
  await child.says('reloaded');
  child.process.kill('SIGTERM');
  child.process.kill('SIGTERM');
  assert.deepEqual(await child.exit(), { code: 0, signal: null });
  assert.equal(child.stdout(), 'started\nreloaded\ndrained\n');
});

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  test(`a process that runs alone drains on ${signal}`, async (t) => {
    const child = await startAlone(t, stays);
    child.process.kill(signal);
    assert.deepEqual(await child.exit(), { code: 0, signal: null });
    assert.equal(child.stdout(), 'started\ndrained\n');
  });
}

test('a signal that comes before the process is up is obeyed when it is', async (t) => {
  const source = script(`const starting = setInterval(() => {}, 60_000);
    say('started');
    const timer = setInterval(() => {}, 60_000);
    await new Promise((resolve) => process.once('SIGTERM', resolve));
    clearInterval(timer);
    clearInterval(starting);
    return { async drain() { say('drained'); } };`);
  const child = await startAlone(t, source);
  child.process.kill('SIGHUP');
  child.process.kill('SIGTERM');
  assert.deepEqual(await child.exit(), { code: 0, signal: null });
  assert.equal(child.stdout(), 'started\ndrained\n');
});

test('a reload that fails is logged, and the process stays', async (t) => {
  const source = script(`const timer = setInterval(() => {}, 60_000);
    say('started');
    return {
      async drain() { clearInterval(timer); },
      async reload() { throw new Error('bad certificate'); },
    };`);
  const child = await startAlone(t, source);
  child.process.kill('SIGHUP');
  while (!child.stderr().includes('reload failed')) await once(child.process.stderr!, 'data');
  assert.match(child.stderr(), /bad certificate/);
  child.process.kill('SIGTERM');
  assert.equal((await child.exit()).code, 0);
});

test('a bad configuration is told with all faults, exit code 2', async (t) => {
  const child = await runScript(t, stays, ['--port', 'x'], {
    env: { ...process.env, GATEHOUSE_GC_LEASE: '1s' },
  });
  const message = (await child.message()) as { type: string; faults: { key: string }[] };
  assert.equal(message.type, 'failed');
  assert.deepEqual(
    message.faults.map(({ key }) => key),
    ['--port', 'GATEHOUSE_GC_LEASE'],
  );
  assert.equal((await child.exit()).code, 2);
  assert.equal(child.stdout(), '');
});

test('a process that cannot start says why, exit code 1, supervised or alone', async (t) => {
  const source = script(`throw new Error('the port is in use')`);
  const child = await runScript(t, source);
  assert.deepEqual(await child.message(), { type: 'failed', message: 'the port is in use' });
  assert.equal((await child.exit()).code, 1);
  const single = await runScript(t, source, [], alone);
  assert.equal((await single.exit()).code, 1);
  assert.match(single.stderr(), /the port is in use/);
  const unknown = await runScript(t, source, ['--nonsense'], alone);
  assert.equal((await unknown.exit()).code, 1);
});

test('an uncaught exception is logged and ends the process', async (t) => {
  const source = script(`process.once('SIGUSR2', () => { throw new Error('a bug'); });
    setInterval(() => {}, 60_000);
    say('started');
    return { async drain() {} };`);
  const child = await startAlone(t, source);
  child.process.kill('SIGUSR2');
  assert.equal((await child.exit()).code, 1);
  assert.match(child.stderr(), /"level":"error".*"a bug".*uncaught exception/);
});

test('files are the owner’s alone; one deprecation is silenced and no other', async (t) => {
  const source = script(`writeFileSync(config.data + '/file', '');
    process.emitWarning('util._extend', 'DeprecationWarning', 'DEP0060');
    process.emitWarning('util._extend', { type: 'DeprecationWarning', code: 'DEP0060' });
    process.emitWarning('another', 'DeprecationWarning', 'DEP0001');
    process.emitWarning('plain');
    return { async drain() {} };`);
  const data = await temporaryDirectory(t);
  const child = await runScript(t, source, ['--data', data]);
  assert.deepEqual(await child.message(), { type: 'ready' });
  child.process.disconnect();
  await child.exit();
  assert.equal(statSync(join(data, 'file')).mode & 0o777, 0o600);
  assert.match(child.stderr(), /DEP0001/);
  assert.match(child.stderr(), /plain/);
  assert.doesNotMatch(child.stderr(), /DEP0060/);
});
