import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { dataPaths } from '../../runtime/config.ts';
import { callControl } from '../../runtime/control.ts';
import { entryPath } from '../../supervisor/entries.ts';
import { contextHeader, coreConfig, somebody, startCore } from '../registry-core/support.ts';
import { temporaryDirectory } from '../support/files.ts';
import { collectOutput, endProcess, start } from '../support/processes.ts';
import { pushBlob } from '../support/push.ts';
import { onEnd } from '../support/scope.ts';
import { assertSettled, collectOnce } from './crash-settled.ts';
import { startWriters } from './writers.ts';

/** Of each of the two; more by TEST_KILLS. */
const kills = Number(process.env['TEST_KILLS'] ?? 100);
/** A life ends up to so long after up to so many things it was seen to finish, so that it ends anywhere. */
const life = { steps: 3, restMs: 30 };
// What a kill cuts off is garbage at once, so that the collector always has work.
const settings = { GATEHOUSE_GC_LEASE: '2s', GATEHOUSE_GC_SCHEDULE: 'off' };

test(`kill -9 of core and collector at ${2 * kills} random moments under load`, async (t) => {
  const data = await temporaryDirectory(t, 'crash');
  const config = await coreConfig(t, data, { 'gc.lease': '2s' });
  const { coreSocket, collectorSocket } = dataPaths(config);
  const target = { origin: 'http://core', socketPath: coreSocket, headers: contextHeader(somebody) };
  const writers = startWriters(t, target, 'app');
  const littering = startWork(t, () => pushBlob(target, 'garbage', randomBytes(1000)));
  const collecting = startWork(t, async () => {
    if ((await callControl(collectorSocket, 'POST', '/run')) === undefined)
      throw new Error('nobody is there');
  });
  await Promise.all([
    killAgainAndAgain(t, data, 'core', littering),
    killAgainAndAgain(t, data, 'gc', collecting),
  ]);

  const core = await startCore(t, { data, settings: { 'gc.lease': '2s' } });
  await Promise.all([writers.stop(), littering.stop(), collecting.stop()]);
  assert.ok(writers.retries() > 0 && littering.failures() > 0 && collecting.failures() > 0);
  await writers.assertNothingLost(core);
  await collectOnce(core.config);
  await assertSettled(core.config);
  await writers.assertNothingLost(core);
});

type Work = ReturnType<typeof startWork>;

/** Does the same again and again, whoever is there to take it. */
function startWork(t: TestContext, work: () => Promise<unknown>) {
  const progress = new EventEmitter();
  let failures = 0;
  let stopping = false;
  const working = (async () => {
    while (!stopping) {
      try {
        await work();
        progress.emit('step');
      } catch {
        failures++;
        // There is no event to wait for: the server is not there.
        await delay(10);
      }
    }
  })();
  onEnd(t, () => {
    stopping = true;
  });
  return {
    failures: () => failures,
    async finished(steps: number): Promise<void> {
      for (let step = 0; step < steps; step++) await once(progress, 'step');
    },
    stop() {
      stopping = true;
      return working;
    },
  };
}

async function killAgainAndAgain(
  t: TestContext,
  data: string,
  name: 'core' | 'gc',
  work: Work,
): Promise<void> {
  for (let kill = 0; kill < kills; kill++) {
    const child = start(process.execPath, [entryPath(name), '--data', data], {
      env: { ...process.env, ...settings, NODE_COMPILE_CACHE: join(data, 'cache') },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    const output = collectOutput(child);
    const gone = once(child, 'exit');
    onEnd(t, () => endProcess(child, { signal: 'SIGKILL' }));
    const [message] = await Promise.race([once(child, 'message'), gone]);
    assert.equal(message?.type, 'ready', output.stderr());
    await Promise.race([work.finished(Math.floor(Math.random() * life.steps)), gone]);
    await delay(Math.random() * life.restMs);
    assert.equal(child.exitCode, null, output.stderr());
    await endProcess(child, { signal: 'SIGKILL' });
  }
}
