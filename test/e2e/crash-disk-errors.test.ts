import assert from 'node:assert/strict';
import { once } from 'node:events';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { dataPaths } from '../../runtime/config.ts';
import { callControl } from '../../runtime/control.ts';
import { entryPath } from '../../supervisor/entries.ts';
import { contextHeader, coreConfig, somebody, startCore } from '../registry-core/support.ts';
import { temporaryDirectory } from '../support/files.ts';
import { collectOutput, endProcess, runOk, start } from '../support/processes.ts';
import { onEnd } from '../support/scope.ts';
import { missingTool } from '../support/tools.ts';
import { assertPulls, loadRound, nothingYet, prepareGarbage } from './crash-load.ts';
import { assertSettled, collectOnce } from './crash-settled.ts';

// A disk that fails now and then under the real processes, database and all: libfiu lets calls of the C library
// fail. Then kill -9, a good disk, and nothing acknowledged is lost, nothing is left over.

const skip = missingTool('fiu-run', 'fiu-ctrl');
const rounds = 40;
/** So that something fails in 40 rounds, and something succeeds. */
const ofCore = [
  ['sync/fsync', 0.05],
  ['rw/pwrite*', 0.02],
  ['dir/rename', 0.1],
  ['dir/unlink', 0.3],
  ['oc/open', 0.05],
] as const;
const EIO = 5;

/** One of the mains on a disk that works; `spoil` makes a family of its calls fail, each with that probability. */
async function startOnBadDisk(t: TestContext, name: 'core' | 'gc', data: string) {
  const control = join(await temporaryDirectory(t, 'fiu'), 'control');
  const child = start('fiu-run', ['-x', '-f', control, process.execPath, entryPath(name), '--data', data], {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    env: { ...process.env, GATEHOUSE_GC_SCHEDULE: 'off' },
  });
  onEnd(t, () => endProcess(child, { signal: 'SIGKILL' }));
  const output = collectOutput(child);
  const [message] = await Promise.race([once(child, 'message'), once(child, 'exit')]);
  assert.equal(message?.type, 'ready', output.stderr());
  return {
    stderr: output.stderr,
    spoil(calls: string, probability: number) {
      const command = `enable_random name=${calls},probability=${probability},failinfo=${EIO}`;
      return runOk('fiu-ctrl', ['-f', control, '-c', command, String(child.pid)]);
    },
    async kill(): Promise<void> {
      assert.equal(child.exitCode, null, output.stderr());
      await endProcess(child, { signal: 'SIGKILL' });
    },
  };
}

describe('the core on a disk that fails', { skip }, () => {
  for (const [calls, probability] of ofCore) {
    test(`${calls}: what is acknowledged stays`, async (t) => {
      const data = await temporaryDirectory(t, 'disk');
      const core = await startOnBadDisk(t, 'core', data);
      const config = await coreConfig(t, data);
      const socketPath = dataPaths(config).coreSocket;
      const target = { origin: 'http://core', socketPath, headers: contextHeader(somebody) };
      const acknowledged = nothingYet();
      await loadRound(target, acknowledged);
      await core.spoil(`posix/io/${calls}`, probability);
      let failures = 0;
      for (let round = 0; round < rounds; round++) {
        await loadRound(target, acknowledged).catch(() => failures++);
      }
      assert.ok(failures > 0, 'nothing failed');
      await core.kill();

      const next = await startCore(t, { data });
      await assertPulls(next, acknowledged.stored);
      await loadRound(next, acknowledged);
      await collectOnce(next.config);
      await assertSettled(next.config);
      await assertPulls(next, acknowledged.kept);
    });
  }
});

describe('the collector on a disk that fails', { skip }, () => {
  for (const calls of ['sync/fsync', 'rw/pwrite*', 'dir/unlink']) {
    test(`${calls}: it goes on, and the next run finishes what it could not`, async (t) => {
      const core = await startCore(t);
      const { kept } = await prepareGarbage(core);
      const collector = await startOnBadDisk(t, 'gc', core.config.data);
      await collector.spoil(`posix/io/${calls}`, 0.9);
      const run = () => callControl(dataPaths(core.config).collectorSocket, 'POST', '/run');
      const reports = await Promise.allSettled([run(), run(), run()]);
      assert.ok(
        reports.some(
          (report) =>
            report.status === 'rejected' || (report.value as { errors: object[] }).errors.length > 0,
        ),
        'nothing failed',
      );
      await collector.kill();
      await assertPulls(core, kept);
      await collectOnce(core.config);
      await assertSettled(core.config);
      await assertPulls(core, kept);
    });
  }
});
