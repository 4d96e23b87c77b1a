import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { backOffMs, defaultBackOff } from '../../runtime/back-off.ts';
import { eventually, type Supervised, supervise, tell } from './support.ts';

test('the pause doubles from 250 ms to 10 s', () => {
  const pauses = [0, 1, 2, 3, 4, 5, 6, 1000].map((failures) => backOffMs(failures, defaultBackOff));
  assert.deepEqual(pauses, [250, 500, 1000, 2000, 4000, 8000, 10_000, 10_000]);
});

for (const name of ['core', 'gateway', 'gc']) {
  test(`a killed ${name} is started again, the others run on`, async (t) => {
    const it = await supervise(t);
    await it.says('ready');
    const before = await it.pids();
    process.kill(before[name]!, 'SIGKILL');
    const after = await eventually('it is ready again', async () => {
      const { processes } = await it.status();
      return processes.every(({ state, restarts, name: which }) => {
        return state === 'ready' && restarts === (which === name ? 1 : 0);
      })
        ? await it.pids()
        : undefined;
    });
    assert.notEqual(after[name], before[name]);
    assert.deepEqual({ ...after, [name]: 0 }, { ...before, [name]: 0 });
  });
}

test('one that dies again and again is tried with longer pauses, until it comes up', async (t) => {
  const it = await supervise(t);
  await it.says('ready');
  tell(it.data, 'gateway.fails', 'no');
  process.kill((await it.pids())['gateway']!, 'SIGKILL');
  await eventually('five deaths', () => pauses(it).length >= 5);
  assert.deepEqual(pauses(it).slice(0, 5), [20, 40, 80, 160, 160]);
  rmSync(join(it.data, 'gateway.fails'));
  await eventually('it is ready', async () => (await it.status()).processes[1]!.state === 'ready');
});

test('nothing is started again once it drains', async (t) => {
  const it = await supervise(t);
  await it.says('ready');
  tell(it.data, 'gc.fails', 'no');
  process.kill((await it.pids())['gc']!, 'SIGKILL');
  await eventually('several deaths', () => pauses(it).length >= 4);
  it.process.kill('SIGTERM');
  assert.equal(await it.exit(), 0);
  const restarts = it.events().slice(3);
  assert.deepEqual(restarts.slice(-2), ['drain gateway', 'drain core']);
  assert.deepEqual([...new Set(restarts.slice(0, -2))], ['start gc']);
});

function pauses(it: Supervised): number[] {
  return it
    .stderr()
    .split('\n')
    .filter((line) => line.includes('"pauseMs"'))
    .map((line) => JSON.parse(line).pauseMs);
}
