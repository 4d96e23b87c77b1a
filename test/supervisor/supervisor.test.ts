import assert from 'node:assert/strict';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryDirectory } from '../support/files.ts';
import { isAlive } from '../support/processes.ts';
import { eventually, supervise, tell } from './support.ts';

const started = ['start core', 'start gateway', 'start gc'];
const drained = ['drain gc', 'drain gateway', 'drain core'];

test('starts core, gateway, gc, each when the one before is ready', async (t) => {
  const data = await temporaryDirectory(t);
  tell(data, 'gateway.waits');
  const it = await supervise(t, { data });
  await eventually('the gateway starts', () => it.events().includes('start gateway'));
  const states = (await it.status()).processes.map(({ name, state }) => [name, state]);
  assert.deepEqual(states, [
    ['core', 'ready'],
    ['gateway', 'starting'],
    ['gc', 'stopped'],
  ]);
  rmSync(join(data, 'gateway.waits'));
  await it.says('ready');
  assert.deepEqual(it.events(), started);
  const { pid, processes } = await it.status();
  assert.equal(pid, it.pid);
  assert.deepEqual(
    processes.map(({ state, restarts }) => [state, restarts]),
    Array(3).fill(['ready', 0]),
  );
});

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  test(`${signal} drains gc, gateway, core, and a second one changes nothing`, async (t) => {
    const it = await supervise(t);
    await it.says('ready');
    it.process.kill(signal);
    it.process.kill(signal);
    await eventually('it drains', () => it.events().length > 3);
    it.process.kill(signal);
    assert.equal(await it.exit(), 0);
    assert.deepEqual(it.events(), [...started, ...drained]);
    assert.match(it.stdout(), /down\n$/);
  });
}

test('a signal during the start stops what runs and starts nothing more', async (t) => {
  const data = await temporaryDirectory(t);
  tell(data, 'gateway.waits');
  const it = await supervise(t, { data });
  await eventually('the gateway starts', () => it.events().includes('start gateway'));
  it.process.kill('SIGTERM');
  rmSync(join(data, 'gateway.waits'));
  assert.equal(await it.exit(), 0);
  assert.deepEqual(it.events(), ['start core', 'start gateway', 'drain gateway', 'drain core']);
  assert.doesNotMatch(it.stdout(), /ready|failed/);
});

test('a process that does not drain is killed, the others drain all the same', async (t) => {
  const it = await supervise(t, { env: { GATEHOUSE_SHUTDOWN_DRAIN: '200ms' } });
  await it.says('ready');
  tell(it.data, 'gateway.stays');
  const { gateway } = await it.pids();
  it.process.kill('SIGTERM');
  assert.equal(await it.exit(), 0);
  assert.deepEqual(it.events().slice(3), drained);
  assert.equal(isAlive(gateway!), false);
  assert.match(it.stderr(), /was killed/);
});

test('one that ends by itself while the others still drain stays down', async (t) => {
  const it = await supervise(t, { env: { GATEHOUSE_SHUTDOWN_DRAIN: '1s' } });
  await it.says('ready');
  tell(it.data, 'gateway.stays');
  const { core } = await it.pids();
  it.process.kill('SIGTERM');
  await eventually('the gateway drains', () => it.events().includes('drain gateway'));
  process.kill(core!, 'SIGTERM');
  assert.equal(await it.exit(), 0);
  assert.equal(it.events().filter((event) => event === 'start core').length, 1);
  assert.doesNotMatch(it.stderr(), /started again/);
});

test('SIGHUP reaches all that are ready', async (t) => {
  const it = await supervise(t);
  await it.says('ready');
  it.process.kill('SIGHUP');
  await eventually('all reload', () => it.events().length === 6);
  assert.deepEqual(it.events().slice(3).sort(), ['reload core', 'reload gateway', 'reload gc']);
});

test('the processes inherit the environment without the first password, and their flags', async (t) => {
  const secrets = { GATEHOUSE_ADMIN_PASSWORD: 'hush', GATEHOUSE_ADMIN_PASSWORD_FILE: '/hush' };
  const it = await supervise(t, { env: { ...secrets, GATEHOUSE_GC_LEASE: '5s' } });
  await it.says('ready');
  for (const name of ['core', 'gateway', 'gc']) {
    const { env, argv } = JSON.parse(readFileSync(join(it.data, `${name}.seen`), 'utf8'));
    assert.equal(env.GATEHOUSE_GC_LEASE, '5s');
    assert.deepEqual(argv.slice(2), ['--data', it.data]);
    assert.deepEqual(
      Object.keys(env).filter((key) => key.includes('PASSWORD')),
      [],
    );
    assert.doesNotMatch(JSON.stringify(env), /hush/);
  }
});

test('the first start fails as a whole, with what the process said', async (t) => {
  const data = await temporaryDirectory(t);
  tell(data, 'gateway.fails', 'the port is taken');
  const it = await supervise(t, { data });
  assert.equal(await it.exit(), 1);
  assert.match(it.stdout(), /^failed: gateway cannot start: the port is taken$/m);
  assert.deepEqual(it.events(), ['start core', 'start gateway', 'drain core']);
});

test('the first start fails as a whole when a process ends without a word', async (t) => {
  const data = await temporaryDirectory(t);
  tell(data, 'gc.dies');
  const it = await supervise(t, { data });
  assert.equal(await it.exit(), 1);
  assert.match(it.stdout(), /^failed: gc cannot start: it ended with code 3$/m);
  assert.deepEqual(it.events(), [...started, 'drain gateway', 'drain core']);
});
