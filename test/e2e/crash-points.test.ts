import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { dataPaths } from '../../runtime/config.ts';
import { type FaultPoint, faultPoints } from '../../runtime/fault-points.ts';
import { ageRows, hour } from '../gc/support.ts';
import {
  contextHeader,
  coreConfig,
  somebody,
  startCore,
  startCoreProcess,
  type TestCore,
  withRows,
} from '../registry-core/support.ts';
import { temporaryDirectory } from '../support/files.ts';
import { pushBlob } from '../support/push.ts';
import { assertPulls, loadRound, nothingYet, prepareGarbage, pushByMessages } from './crash-load.ts';
import { killCollector, startDoomed } from './crash-processes.ts';
import { assertSettled, collectOnce } from './crash-settled.ts';
import { readRegistry } from './crash-support.ts';

// At every named fault point: the real process dies there as by kill -9, another one starts on the same data, and
// one collection leaves neither a lost blob nor a file that no row names.

const points = Object.keys(faultPoints) as FaultPoint[];
const ofCore = points.filter((name) => /^core\.(?!journal|blob\.written)/.test(name));
/** Those of small blobs alone: their files are synced later, by a core that runs or by the next one. */
const ofJournal = points.filter((name) => name.startsWith('core.journal'));
const ofSmallBlobs = ofCore.filter((name) => !['core.upload.synced', 'core.directory.synced'].includes(name));
/** Those that a small upload passes whose steps come as messages: it has neither row nor file before its closing. */
const ofMessages: readonly FaultPoint[] = [
  'core.transaction.written',
  'core.transaction.committed',
  'core.closing.recorded',
  'core.blob.written',
  'core.blob.committed',
];
/** Those of the trash: trash-crash.test.ts. Those of policies: crash-policies.test.ts. */
const ofCollector = points.filter((name) => /^gc\.(?!trash|undo|policies)/.test(name));
/** Points that a recovering core passes, with the point at which its predecessor died. */
const inRecovery: readonly [first: FaultPoint, second: FaultPoint][] = [
  ['core.closing.recorded', 'core.upload.renamed'],
  ['core.closing.recorded', 'core.directory.synced'],
  ['core.upload.renamed', 'core.transaction.written'],
  ['core.upload.renamed', 'core.transaction.committed'],
  ['core.directory.synced', 'core.blob.committed'],
];
/** Each round passes each point of the core at least once. */
const rounds = 4;

/** The core dies there while it is under load, after it has acknowledged something. */
async function killCore(t: TestContext, data: string, point: FaultPoint, layerBytes?: number) {
  const acknowledged = nothingYet();
  const passage = point.startsWith('core.transaction') ? 20 : rounds;
  const core = startDoomed(t, 'core', data, `${point}:${passage}`);
  assert.ok(await core.isReady());
  const config = await coreConfig(t, data);
  const target = {
    origin: 'http://core',
    socketPath: dataPaths(config).coreSocket,
    headers: contextHeader(somebody),
  };
  const load = (async () => {
    for (let round = 0; round < rounds; round++) await loadRound(target, acknowledged, layerBytes);
  })();
  await assert.rejects(load, `${point} was never passed`);
  await core.death;
  assert.ok(acknowledged.stored.size > 0);
  return acknowledged;
}

async function assertRecovers(core: TestCore, acknowledged: ReturnType<typeof nothingYet>): Promise<void> {
  await assertPulls(core, acknowledged.stored);
  await loadRound(core, acknowledged);
  await collectOnce(core.config);
  await assertSettled(core.config);
  await assertPulls(core, acknowledged.kept);
}

describe('the core, killed', () => {
  for (const point of ofCore) {
    test(`at ${point}: ${faultPoints[point]}`, async (t) => {
      const data = await temporaryDirectory(t, 'crash');
      const acknowledged = await killCore(t, data, point);
      await assertRecovers(await startCore(t, { data }), acknowledged);
    });
  }

  for (const point of ofSmallBlobs) {
    test(`at ${point}, by small blobs alone`, async (t) => {
      const data = await temporaryDirectory(t, 'crash');
      const acknowledged = await killCore(t, data, point, 3000);
      await assertRecovers(await startCore(t, { data }), acknowledged);
    });
  }

  for (const point of ofMessages) {
    test(`at ${point}, by small uploads in messages`, async (t) => {
      const data = await temporaryDirectory(t, 'crash');
      const acknowledged = nothingYet();
      const core = startDoomed(t, 'core', data, `${point}:5`);
      assert.ok(await core.isReady());
      await assert.rejects(pushByMessages(t, data, acknowledged), `${point} was never passed`);
      await core.death;
      assert.ok(acknowledged.stored.size > 0);
      await assertRecovers(await startCore(t, { data }), acknowledged);
    });
  }

  for (const point of ofJournal) {
    test(`at ${point}: ${faultPoints[point]}`, async (t) => {
      const data = await temporaryDirectory(t, 'crash');
      const acknowledged = await killCore(t, data, 'core.blob.committed', 3000);
      await startDoomed(t, 'core', data, point).death;
      await assertRecovers(await startCore(t, { data }), acknowledged);
    });
  }

  for (const [first, second] of inRecovery) {
    test(`at ${first}, and its successor at ${second}`, async (t) => {
      const data = await temporaryDirectory(t, 'crash');
      const acknowledged = await killCore(t, data, first);
      assert.ok(!(await startDoomed(t, 'core', data, second).isReady()), 'nothing was recovered');
      await assertRecovers(await startCore(t, { data }), acknowledged);
    });
  }
});

describe('the collector, killed', () => {
  for (const point of ofCollector) {
    test(`at ${point}: ${faultPoints[point]}`, async (t) => {
      const core = await startCore(t);
      const { kept } = await prepareGarbage(core);
      await killCollector(t, core.config, point);
      await assertPulls(core, kept);
      await collectOnce(core.config);
      await assertSettled(core.config);
      await assertPulls(core, kept);
    });
  }
});

/** What a push of a condemned digest passes after its blob is committed: the old file is displaced. */
const ofRevival: readonly FaultPoint[] = [
  'core.upload.renamed',
  'core.directory.synced',
  'core.blob.committed',
  'core.displaced.removed',
  'core.displaced.synced',
  'core.displaced.forgotten',
];

const [small, large] = ['comes back', 'comes back'.repeat(10_000)];
/** Nobody waits for the directory of a small one. */
const revivals = [
  ...ofRevival.map((point) => [point, large] as const),
  ...ofRevival.filter((point) => point !== 'core.directory.synced').map((point) => [point, small] as const),
];

describe('a condemned digest that comes back, and the core killed', () => {
  for (const [point, content] of revivals) {
    test(`at ${point}, with ${content.length} bytes`, async (t) => {
      const data = await temporaryDirectory(t, 'crash');
      const first = await startCoreProcess(t, data);
      const digest = await pushBlob(first, 'app', content);
      withRows(first.config, (database) => ageRows(database, 1000 * hour));
      await killCollector(t, first.config, 'gc.condemned.listed');
      assert.deepEqual(readRegistry(first.config).condemned, [digest]);

      await first.kill();
      const core = startDoomed(t, 'core', data, point);
      assert.ok(await core.isReady());
      await assert.rejects(pushBlob(first, 'app', content));
      await core.death;
      const next = await startCore(t, { data });
      await pushBlob(next, 'app', content);
      await assertPulls(next, new Map([[`/v2/app/blobs/${digest}`, Buffer.from(content)]]));
      await collectOnce(next.config);
      await assertSettled(next.config);
      assert.deepEqual(readRegistry(next.config).keys, []);
    });
  }
});
