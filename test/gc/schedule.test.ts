import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { startSchedule } from '../../gc/schedule.ts';
import { ConfigError, loadConfig } from '../../runtime/config.ts';
import type { ConfigName } from '../../runtime/config-schema.ts';
import type { Log } from '../../runtime/log.ts';
import { onEnd } from '../support/scope.ts';

const minute = 60_000;
const hour = 60 * minute;

type Settings = Partial<Record<ConfigName, string>>;

/** A schedule on a clock of the test's own, and the times at which it started work. */
function scheduled(t: TestContext, now: string, settings: Settings, work = async (_?: AbortSignal) => {}) {
  t.mock.timers.enable({ apis: ['setTimeout', 'Date'], now: Date.parse(now) });
  const { config } = loadConfig({ environment: {}, flags: { 'gc.timezone': 'UTC', ...settings } });
  const started: string[] = [];
  const lines: string[] = [];
  const line = (message: string) => void lines.push(message);
  const log: Log = { debug: line, info: line, warn: line, error: line };
  const schedule = startSchedule(config, log, (signal) => {
    started.push(new Date().toISOString().slice(5, 19));
    return work(signal);
  });
  onEnd(t, () => schedule?.stop());
  /** In small steps, each with its promises: whatever is due in between is due at its own time. */
  const pass = async (ms: number, step = minute) => {
    for (let passed = 0; passed < ms; passed += step) {
      t.mock.timers.tick(step);
      await new Promise(setImmediate);
    }
  };
  return { schedule: schedule!, started, lines, pass };
}

test('it starts at the times of the expression', async (t) => {
  const settings = { 'gc.schedule': '30 2,14 * * *' };
  const { started, schedule, pass } = scheduled(t, '2026-11-21T00:00:00Z', settings);
  assert.equal(schedule.next()?.toISOString(), '2026-11-21T02:30:00.000Z');
  await pass(36 * hour);
  assert.deepEqual(started, ['11-21T02:30:00', '11-21T14:30:00', '11-22T02:30:00']);
  assert.equal(schedule.next()?.toISOString(), '2026-11-22T14:30:00.000Z');
});

test('the time zone moves it, and its summer time too', async (t) => {
  const settings = { 'gc.schedule': '30 4 * * *', 'gc.timezone': 'Europe/Vienna' };
  const { started, pass } = scheduled(t, '2026-03-28T00:00:00Z', settings);
  await pass(48 * hour);
  assert.deepEqual(started, ['03-28T03:30:00', '03-29T02:30:00']);
});

test('the jitter delays a start by a part of it', async (t) => {
  for (const [random, start] of [
    [0, '11-21T03:00:00'],
    [0.5, '11-21T03:10:00'],
    [0.999, '11-21T03:19:59'],
  ] as const) {
    t.mock.method(Math, 'random', () => random);
    const settings = { 'gc.schedule': '0 3 * * *', 'gc.jitter': '20m' };
    const { started, pass, schedule } = scheduled(t, '2026-11-21T02:59:00Z', settings);
    await pass(hour, 1000);
    assert.deepEqual(started, [start]);
    await schedule.stop();
    t.mock.timers.reset();
  }
});

test('a start that was waiting for its jitter does not come after the stop', async (t) => {
  t.mock.method(Math, 'random', () => 0.5);
  const settings = { 'gc.schedule': '0 3 * * *', 'gc.jitter': '20m' };
  const { started, schedule, pass } = scheduled(t, '2026-11-21T02:59:00Z', settings);
  await pass(5 * minute);
  await schedule.stop();
  await pass(hour);
  assert.deepEqual(started, []);
});

test('none starts while the last still works', async (t) => {
  let finish = () => {};
  const work = () =>
    new Promise<void>((resolve) => {
      finish = resolve;
    });
  const { started, lines, pass } = scheduled(t, '2026-11-21T00:00:00Z', { 'gc.schedule': '* * * * *' }, work);
  await pass(3 * minute);
  assert.deepEqual(started, ['11-21T00:01:00']);
  assert.ok(
    lines.some((line) => line.includes('still works')),
    lines.join('\n'),
  );
  finish();
  await pass(minute, minute / 2);
  assert.deepEqual(started, ['11-21T00:01:00', '11-21T00:04:00']);
});

test('a busy process starts late, one that was asleep for long waits for the next time', async (t) => {
  const { started, lines, pass } = scheduled(t, '2026-11-21T02:59:00Z', { 'gc.schedule': '0 3 * * *' });
  // A timer that is due within a step sees the time at its end.
  await pass(105_000, 105_000);
  assert.deepEqual(started, ['11-21T03:00:45']);
  await pass(29 * hour, 29 * hour);
  assert.equal(started.length, 1);
  assert.ok(
    lines.some((line) => /missed/.test(line)),
    lines.join('\n'),
  );
});

test('off means never', (t) => {
  assert.equal(scheduled(t, '2026-11-21T00:00:00Z', { 'gc.schedule': 'off' }).schedule, undefined);
});

test('outside of the window none starts, and the next time that is told lies in it', async (t) => {
  const settings = { 'gc.schedule': '0 * * * *', 'gc.window': '22:30-01:30' };
  const { started, schedule, pass, lines } = scheduled(t, '2026-11-21T12:00:00Z', settings);
  assert.equal(schedule.next()?.toISOString(), '2026-11-21T23:00:00.000Z');
  await pass(24 * hour);
  assert.deepEqual(started, ['11-21T23:00:00', '11-22T00:00:00', '11-22T01:00:00']);
  assert.ok(lines.some((line) => line.includes('outside of gc.window')));
});

test('a start that the jitter moves out of the window is left out', async (t) => {
  t.mock.method(Math, 'random', () => 0.9);
  const settings = { 'gc.schedule': '50 3 * * *', 'gc.window': '03:00-04:00', 'gc.jitter': '1h' };
  const { started, pass } = scheduled(t, '2026-11-21T03:00:00Z', settings);
  await pass(3 * hour);
  assert.deepEqual(started, []);
});

test('work that still goes on at the end of the window is told to stop, and starts again in the next', async (t) => {
  const stopped: string[] = [];
  const untilStopped = (signal?: AbortSignal) =>
    new Promise<void>((resolve) => {
      signal!.addEventListener('abort', () => {
        stopped.push(new Date().toISOString().slice(5, 19));
        assert.match(signal!.reason.message, /gc\.window is over/);
        resolve();
      });
    });
  const settings = { 'gc.schedule': '0 2 * * *', 'gc.window': '01:00-05:00', 'gc.timezone': 'Europe/Vienna' };
  const { started, pass } = scheduled(t, '2026-11-20T12:00:00Z', settings, untilStopped);
  await pass(48 * hour);
  assert.deepEqual(started, ['11-21T01:00:00', '11-22T01:00:00']);
  assert.deepEqual(stopped, ['11-21T04:00:00', '11-22T04:00:00']);
});

test('in the night when the clocks go back the window is as long as the clock on the wall says', async (t) => {
  const stopped: string[] = [];
  const untilStopped = (signal?: AbortSignal) =>
    new Promise<void>((resolve) => {
      signal!.addEventListener('abort', () => {
        stopped.push(new Date().toISOString().slice(5, 19));
        resolve();
      });
    });
  const settings = {
    'gc.schedule': '30 1 * * *',
    'gc.window': '01:00-05:00',
    'gc.timezone': 'Europe/Vienna',
  };
  const { pass } = scheduled(t, '2026-10-24T20:00:00Z', settings, untilStopped);
  await pass(12 * hour);
  assert.deepEqual(stopped, ['10-25T04:00:00']);
});

test('work that ends by itself is not told to stop later', async (t) => {
  let signal: AbortSignal | undefined;
  const settings = { 'gc.schedule': '0 2 * * *', 'gc.window': '01:00-05:00' };
  const { pass } = scheduled(t, '2026-11-21T01:30:00Z', settings, async (given) => {
    signal = given;
  });
  await pass(5 * hour);
  assert.equal(signal?.aborted, false);
});

for (const [settings, key] of [
  [{ 'gc.schedule': '99 3 * * *' }, 'gc.schedule'],
  [{ 'gc.schedule': '0 0 31 2 *' }, 'gc.schedule'],
  [{ 'gc.window': '22:30-02:30' }, 'gc.window'],
  [{ 'gc.schedule': '5 * * * *', 'gc.window': '10:00-10:05' }, 'gc.window'],
] as const) {
  test(`${JSON.stringify(settings)} would never run: a fault at the start`, (t) => {
    assert.throws(
      () => scheduled(t, '2026-11-21T00:00:00Z', settings),
      (error) => error instanceof ConfigError && error.faults[0]?.key === key,
    );
  });
}
