import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { runCollection } from '../../gc/index.ts';
import { undoRun } from '../../gc/undo-run.ts';
import type { Config } from '../../runtime/config-schema.ts';
import { type FaultPoint, faultPoints } from '../../runtime/fault-points.ts';
import { createLog } from '../../runtime/log.ts';
import { ageRows, hour } from '../gc/support.ts';
import { rowsOf, startCore, type TestCore, withRows } from '../registry-core/support.ts';
import { request } from '../support/http.ts';
import { collectOutput, endProcess, start } from '../support/processes.ts';
import { pushBlob, pushImage } from '../support/push.ts';
import { onEnd } from '../support/scope.ts';
import { assertSettled } from './crash-settled.ts';

// At every fault point of trash and undo: the real command dies there as by kill -9, and is repeated.

const command = fileURLToPath(new URL('../../bin/gatehouse.js', import.meta.url));
const points = Object.keys(faultPoints) as FaultPoint[];
const log = createLog('test', 'silent');
const trash = 24 * hour;

/** Runs `gatehouse gc …` with a trash until it dies there. */
async function die(t: TestContext, { data }: Config, point: FaultPoint, ...args: string[]) {
  const child = start(process.execPath, [command, 'gc', ...args, '--data', data], {
    env: { ...process.env, GATEHOUSE_FAULT: point, GATEHOUSE_GC_TRASH: '24h' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onEnd(t, () => endProcess(child));
  const output = collectOutput(child);
  const [code, signal] = await once(child, 'exit');
  assert.deepEqual([code, signal], [null, 'SIGKILL'], `${output.stdout()}${output.stderr()}`);
}

const age = ({ config }: TestCore, ms: number) => withRows(config, (database) => ageRows(database, ms));

async function collect({ config }: TestCore, trashMs: number): Promise<number> {
  const report = await runCollection({ ...config, 'gc.trash': trashMs }, { dryRun: false, log });
  assert.deepEqual(report.errors, []);
  return report.run!;
}

/** An image that no tag names any more, and one blob that was never used, with all time over. */
async function garbage(core: TestCore, name: string) {
  const image = await pushImage(core, 'app', name, { layers: [`layer of ${name}`] });
  await request(core, { method: 'DELETE', path: `/v2/app/manifests/${name}` });
  const blob = await pushBlob(core, 'alone', `blob of ${name}`);
  age(core, 1000 * hour);
  return [`app/manifests/${image.digest}`, `app/blobs/${image.layers[0]!.digest}`, `alone/blobs/${blob}`];
}

async function statuses(core: TestCore, paths: string[]): Promise<number[]> {
  const answers = paths.map((path) => request(core, { path: `/v2/${path}` }));
  return (await Promise.all(answers)).map(({ status }) => status);
}

async function filesOfTrash({ config }: TestCore): Promise<string[]> {
  const root = join(config['storage.root'], 'trash');
  const entries = await readdir(root, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isFile()).map(({ name }) => name);
}

async function assertNamed(core: TestCore): Promise<void> {
  await assertSettled(core.config);
  const rows = rowsOf(core.config, 'SELECT storage_key FROM trashed_blobs');
  const names = rows.map((row) => String(row['storage_key']).split('/').at(-1));
  assert.deepEqual((await filesOfTrash(core)).sort(), names.sort());
}

describe('a run with a trash, killed', () => {
  for (const point of points.filter((name) => name.startsWith('gc.trash.'))) {
    test(`at ${point}: ${faultPoints[point]}`, async (t) => {
      const core = await startCore(t);
      await garbage(core, 'old');
      await collect(core, trash);
      const paths = await garbage(core, 'new');
      await die(t, core.config, point);
      await collect(core, trash);
      await assertNamed(core);
      assert.deepEqual(await statuses(core, paths), [404, 404, 404]);
      const [{ run } = {}] = rowsOf(core.config, 'SELECT max(run) AS run FROM trashed_manifests');
      const { could_not: failures } = await undoRun(core.config, Number(run));
      assert.deepEqual(failures, []);
      assert.deepEqual(await statuses(core, paths), [200, 200, 200]);
      age(core, 1000 * hour);
      await collect(core, 0);
      await assertNamed(core);
      assert.deepEqual(await filesOfTrash(core), []);
    });
  }
});

describe('an undo, killed', () => {
  for (const point of points.filter((name) => name.startsWith('gc.undo.'))) {
    test(`at ${point}: ${faultPoints[point]}`, async (t) => {
      const core = await startCore(t);
      const paths = await garbage(core, 'new');
      const run = await collect(core, trash);
      await die(t, core.config, point, 'undo', String(run));
      await collect(core, trash);
      assert.deepEqual((await undoRun(core.config, run)).could_not, []);
      assert.deepEqual(await statuses(core, paths), [200, 200, 200]);
      age(core, 1000 * hour);
      await collect(core, 0);
      await assertNamed(core);
      assert.deepEqual(await filesOfTrash(core), []);
    });
  }
});
