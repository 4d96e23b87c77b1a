import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually } from '../supervisor/support.ts';
import { type Gatehouse, startGatehouse } from '../support/gatehouse.ts';
import { request } from '../support/http.ts';
import { noise } from '../support/images.ts';
import { isAlive, run } from '../support/processes.ts';
import { digestOf, expectStatus } from '../support/push.ts';
import { assertSettled, holdUpload } from './crash-support.ts';
import { startWriters } from './writers.ts';

const env = { GATEHOUSE_GC_LEASE: '2s', GATEHOUSE_AUTH_BCRYPT_COST: '8' };
const bytes = noise('an upload that is held', 24 * 1024 * 1024);

test('kill -9 of the supervisor: the others drain, and a new start takes over', async (t) => {
  const gatehouse = await startGatehouse(t, { env });
  const pids = gatehouse.children().map(({ pid }) => pid);
  assert.equal(pids.length, 3);
  const writers = startWriters(t, gatehouse, 'team/small');
  await writers.wrote(5);
  const upload = await holdUpload(gatehouse, 'team/large', bytes);

  gatehouse.kill('SIGKILL');
  const starting = startGatehouse(t, { env, data: gatehouse.data, port: gatehouse.port });
  starting.catch(() => {});
  await eventually('they drain', () => count(gatehouse, '"draining"') === pids.length);
  // What was under way when the supervisor died is brought to its end by those that are left.
  expectStatus(await upload.finish(), 201, 'an upload while they drain');
  const next = await starting;
  await eventually('the old processes have ended', () => !pids.some(isAlive));

  await writers.wrote(5);
  await writers.stop();
  assert.ok(writers.retries() > 0);
  await writers.assertNothingLost(next);
  await assertPulls(next, upload.digest);
  await assertSettled(next);
});

test('SIGTERM during an upload: it is finished, nothing new begins, and all of it stops', async (t) => {
  const gatehouse = await startGatehouse(t, { env });
  const upload = await holdUpload(gatehouse, 'team/large', bytes);
  const stopped = gatehouse.stop();
  await eventually('nothing new is taken', () => refuses(gatehouse));
  assert.ok(isAlive(gatehouse.pid));
  expectStatus(await upload.finish(), 201, 'the upload under way');
  assert.equal(await stopped, 0);
  const next = await startGatehouse(t, { env, data: gatehouse.data, port: gatehouse.port });
  await assertPulls(next, upload.digest);
  await next.stop();
});

test('a second start on the data directory is refused, and disturbs no upload', async (t) => {
  const gatehouse = await startGatehouse(t, { env });
  const upload = await holdUpload(gatehouse, 'team/large', bytes);
  const [node = '', ...args] = gatehouse.process.spawnargs;
  const second = await run(node, args, { env });
  assert.equal(second.code, 1);
  assert.match(second.stderr, new RegExp(`another Gatehouse \\(process ${gatehouse.pid}\\) runs on`));
  expectStatus(await upload.finish(), 201, 'the upload under way');
  await assertPulls(gatehouse, upload.digest);
});

async function assertPulls(gatehouse: Gatehouse, digest: string): Promise<void> {
  const pulled = await request(gatehouse, { path: `/v2/team/large/blobs/${digest}` });
  assert.equal(digestOf(pulled.body), digest);
}

async function refuses(gatehouse: Gatehouse): Promise<boolean> {
  const answer = await request(gatehouse, { path: '/v2/' }).catch(
    (error: NodeJS.ErrnoException) => error.code,
  );
  return answer === 'ECONNREFUSED';
}

function count(gatehouse: Gatehouse, text: string): number {
  return gatehouse.stderr().split(text).length - 1;
}
