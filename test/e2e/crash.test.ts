import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { callControl } from '../../runtime/control.ts';
import { openDatabase } from '../../runtime/sqlite.ts';
import { containerTool } from '../support/container-tools.ts';
import { temporaryDirectory } from '../support/files.ts';
import { type Gatehouse, startGatehouse } from '../support/gatehouse.ts';
import { request } from '../support/http.ts';
import { digestOfFile, LARGE_LAYER_BYTES, layerFiles, noise } from '../support/images.ts';
import { writeOciImage } from '../support/oci-layout.ts';
import { digestOf, expectStatus, pushBlob, pushImage } from '../support/push.ts';
import { missingTool } from '../support/tools.ts';
import {
  assertSettled,
  filesBelow,
  holdUpload,
  resumeUpload,
  untilServing,
  uploadsReach,
} from './crash-support.ts';
import { startWriters } from './writers.ts';

const env = { GATEHOUSE_GC_LEASE: '2s', GATEHOUSE_AUTH_BCRYPT_COST: '8' };
const UPLOAD_BYTES = 24 * 1024 * 1024;
const GARBAGE_BLOBS = 250;

for (const victim of ['core', 'gateway'] as const) {
  describe(`kill -9 of the ${victim} in the middle of a push`, () => {
    test('uploads go on or begin again, and nothing acknowledged is lost', async (t) => {
      const gatehouse = await startGatehouse(t, { env });
      const writers = startWriters(t, gatehouse, 'team/small');
      for (const round of [1, 2]) {
        await writers.wrote(5);
        const bytes = noise(`${victim} ${round}`, UPLOAD_BYTES);
        const upload = await holdUpload(gatehouse, 'team/large', bytes);
        process.kill(gatehouse.pidOf(victim), 'SIGKILL');
        await upload.broken();
        await untilServing(gatehouse);
        expectStatus(await resumeUpload(gatehouse, upload, bytes), 201, 'going on');
        // What most clients do: all of it again, in a new session.
        await pushImage(gatehouse, 'team/large', `v${round}`, { layers: [bytes] });
        const pulled = await request(gatehouse, { path: `/v2/team/large/blobs/${upload.digest}` });
        assert.equal(digestOf(pulled.body), upload.digest);
      }
      await writers.stop();
      assert.ok(writers.retries() > 0, 'no push was under way at any kill');
      await writers.assertNothingLost(gatehouse);
      await assertSettled(gatehouse);
    });

    test('skopeo succeeds at once or when called again', { skip: missingTool('skopeo', 'busybox') }, (t) =>
      killWhileSkopeoPushes(t, victim),
    );
  });
}

async function killWhileSkopeoPushes(t: Parameters<typeof startGatehouse>[0], victim: 'core' | 'gateway') {
  const gatehouse = await startGatehouse(t, { env });
  const skopeo = await containerTool(t, 'skopeo', gatehouse.caPath);
  assert.equal((await skopeo.login(gatehouse.host, 'admin', gatehouse.adminPassword)).code, 0);
  const [source, back] = [await temporaryDirectory(t, 'source'), await temporaryDirectory(t, 'back')];
  const layers = layerFiles(`skopeo and ${victim}`, { largeBytes: LARGE_LAYER_BYTES });
  const digest = await writeOciImage(source, 'v1', { architecture: 'amd64', layers });
  const remote = `docker://${gatehouse.host}/team/skopeo:v1`;
  const push = ['copy', '--dest-cert-dir', skopeo.certDir, `oci:${source}:v1`, remote];

  const pushing = skopeo.run(push);
  await uploadsReach(gatehouse.data, LARGE_LAYER_BYTES / 20);
  process.kill(gatehouse.pidOf(victim), 'SIGKILL');
  const first = await pushing;
  await untilServing(gatehouse);
  if (first.code !== 0) await skopeo.ok(push);
  await skopeo.ok(['copy', '--src-cert-dir', skopeo.certDir, remote, `dir:${back}`]);
  assert.equal(await digestOfFile(join(back, 'manifest.json')), digest);
  await assertSettled(gatehouse);
}

test('kill -9 of the collector in the middle of a collection: the next one finishes it', async (t) => {
  const gatehouse = await startGatehouse(t, { env });
  const writers = startWriters(t, gatehouse, 'team/small');
  for (let killed = 0, attempt = 1; killed < 2; attempt++) {
    assert.ok(attempt <= 10, 'the runs were over before anybody could kill them');
    const garbage = await pushGarbage(gatehouse, attempt);
    if (await killCollectorAtWork(gatehouse, garbage)) killed++;
    await writers.wrote(3);
  }
  await writers.stop();
  assert.equal(writers.retries(), 0);
  await writers.assertNothingLost(gatehouse);
  await assertSettled(gatehouse);
  await writers.assertNothingLost(gatehouse);
});

async function pushGarbage(gatehouse: Gatehouse, round: number): Promise<string[]> {
  const seeds = Array.from({ length: GARBAGE_BLOBS }, (_, index) => `garbage ${round} ${index}`);
  return Promise.all(seeds.map((seed) => pushBlob(gatehouse, 'team/garbage', seed)));
}

/**
 * Kills it between condemning the first of these blobs and removing the last one's file.
 * @returns false when nothing was left to do by then, as on a busy machine.
 */
async function killCollectorAtWork(gatehouse: Gatehouse, garbage: string[]): Promise<boolean> {
  const database = openDatabase(join(gatehouse.data, 'registry.db'));
  const count = (sql: string) => database.prepare(sql).pluck().get() as number;
  const pid = gatehouse.pidOf('gc');
  const socket = join(gatehouse.data, 'run', 'gc.sock');
  const wait =
    'SELECT max(lease_until) FROM links JOIN repositories r ON r.id = repository_id WHERE r.name = ?';
  try {
    const until = database.prepare(wait).pluck().get('team/garbage') as number;
    while (Date.now() <= until) await setImmediate();
    let isOver = false;
    const ended = callControl(socket, 'POST', '/run').then(
      () => {
        isOver = true;
      },
      () => {},
    );
    while (!isOver && count("SELECT count(*) FROM blobs WHERE state = 'condemned'") === 0) {
      await setImmediate();
    }
    if (!isOver) process.kill(pid, 'SIGKILL');
    await ended;
    if (isOver) return false;
  } finally {
    database.close();
  }
  const left = (await filesBelow(join(gatehouse.data, 'blobs'))).map((path) => path.split('/').at(-1)!);
  return garbage.some((digest) => left.some((name) => name.startsWith(digest.slice(7))));
}
