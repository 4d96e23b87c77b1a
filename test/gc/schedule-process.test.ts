import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Report } from '../../gc/index.ts';
import { dataPaths } from '../../runtime/config.ts';
import type { Config } from '../../runtime/config-schema.ts';
import { callControl } from '../../runtime/control.ts';
import { formatWindow } from '../../runtime/daily-window.ts';
import { acquireLock } from '../../runtime/lock.ts';
import { coreConfig, openStores as openCoreStores, until } from '../registry-core/support.ts';
import { collectOutput, endProcess, start } from '../support/processes.ts';
import { onEnd, type Scope } from '../support/scope.ts';

const main = fileURLToPath(new URL('../../gc/main.ts', import.meta.url));

interface Status {
  next_run: string | null;
  running: boolean;
  last_report: Report | null;
}

/** The real collector as a process of its own, on an empty registry. */
async function collector(scope: Scope, environment: Record<string, string>, given?: Config) {
  const config = given ?? (await coreConfig(scope));
  await (await openCoreStores(config)).registry.close();
  const child = start(process.execPath, [main, '--data', config.data], {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    env: { ...process.env, GATEHOUSE_GC_TIMEZONE: 'UTC', ...environment },
  });
  const output = collectOutput(child);
  onEnd(scope, () => endProcess(child));
  const [message] = await Promise.race([once(child, 'message'), once(child, 'exit')]);
  const socket = dataPaths(config).collectorSocket;
  const status = async () => (await callControl(socket, 'GET', '/status')) as Status;
  const run = async () => (await callControl(socket, 'POST', '/run', {})) as Report;
  return { message, status, run, child, stderr: output.stderr };
}

/** A window of two hours, so many hours from now. */
function windowIn(hours: number): string {
  const minute = new Date().getUTCHours() * 60 + new Date().getUTCMinutes();
  const at = (offset: number) => (minute + offset * 60 + 1440) % 1440;
  return formatWindow({ startMinute: at(hours), endMinute: at(hours + 2) });
}

test('the collector runs by its schedule, in its window', async (t) => {
  const environment = { GATEHOUSE_GC_SCHEDULE: '* * * * * *', GATEHOUSE_GC_WINDOW: windowIn(-1) };
  const { status, stderr } = await collector(t, environment);
  await until(async () => ((await status()).last_report?.run ?? 0) >= 2, 'the second run');
  assert.ok((await status()).next_run !== null);
  assert.doesNotMatch(stderr(), /"level":"(warn|error)"/);
});

test('outside of its window it runs for who asks, and the next run by itself lies in the window', async (t) => {
  const environment = { GATEHOUSE_GC_SCHEDULE: '*/10 * * * *', GATEHOUSE_GC_WINDOW: windowIn(5) };
  const { status, run } = await collector(t, environment);
  assert.equal((await run()).run, 1);
  const { next_run: next, last_report: last } = await status();
  assert.equal(last?.run, 1);
  const hours = (Date.parse(next!) - Date.now()) / 3_600_000;
  assert.ok(hours > 4.9 && hours < 5.2, `${next}`);
});

test('while another process collects none starts; when that one is done the next does', async (t) => {
  const config = await coreConfig(t);
  const other = await acquireLock(dataPaths(config).collectorLock, 0);
  const { status } = await collector(t, { GATEHOUSE_GC_SCHEDULE: '* * * * * *' }, config);
  await until(async () => (await status()).running, 'a run that waits for the other');
  assert.equal((await status()).last_report, null);
  other!.release();
  await until(async () => (await status()).last_report !== null, 'a run of its own');
});

test('a schedule that never comes in its window ends the process with the fault', async (t) => {
  const { message, child, stderr } = await collector(t, { GATEHOUSE_GC_WINDOW: '22:00-23:00' });
  assert.equal((message as { type: string }).type, 'failed');
  await until(() => child.exitCode !== null, 'the end');
  assert.equal(child.exitCode, 2);
  assert.match(stderr(), /gc\.window/);
});
