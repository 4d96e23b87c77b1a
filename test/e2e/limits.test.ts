import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LimitsReport } from '../../gateway/admin.ts';
import { eventually } from '../supervisor/support.ts';
import { type Gatehouse, startGatehouse } from '../support/gatehouse.ts';
import { request, type Target } from '../support/http.ts';
import { noise } from '../support/images.ts';
import { expectStatus, getOk, pushBlob, pushImage } from '../support/push.ts';
import { holdUpload } from './crash-support.ts';

const env = {
  GATEHOUSE_GATEWAY_WORKERS: '2',
  GATEHOUSE_AUTH_BCRYPT_COST: '8',
  GATEHOUSE_LIMITS_ACCOUNT_PULLS: '137/6h',
  GATEHOUSE_LIMITS_OVERRIDES:
    '[{"repositories":["team/few/**"],"uploads":1,"pulls":"3/6h"},{"repositories":["team/slow/**"],"bandwidth":"1MiB/s"}]',
};
const path = '/v2/team/app/manifests/v1';

async function report(gatehouse: Gatehouse, ...args: string[]): Promise<LimitsReport> {
  return JSON.parse(await gatehouse.cliOk(['limits', '--json', ...args]));
}

async function workerPids(gatehouse: Gatehouse): Promise<number[]> {
  const { gateway } = JSON.parse((await gatehouse.cli(['status', '--json'])).stdout);
  return gateway?.workers.map(({ pid }: { pid: number }) => pid) ?? [];
}

async function pullMany(target: Target, count: number): Promise<number[]> {
  const answers = await Promise.all(Array.from({ length: count }, () => request(target, { path })));
  return answers.map(({ status }) => status);
}

test('500 pulls at once over two workers: exactly the budget; a worker that dies forgets nothing, nor does a restart', async (t) => {
  const gatehouse = await startGatehouse(t, { env });
  await pushImage(gatehouse, 'team/app', 'v1');
  const statuses = await pullMany(gatehouse, 500);
  assert.equal(statuses.filter((status) => status === 200).length, 137);
  assert.equal(statuses.filter((status) => status === 429).length, 500 - 137);

  const [first = 0] = await workerPids(gatehouse);
  process.kill(first, 'SIGKILL');
  await eventually('two workers again', async () => {
    const pids = await workerPids(gatehouse);
    return pids.length === 2 && !pids.includes(first);
  });
  assert.deepEqual(new Set(await pullMany(gatehouse, 10)), new Set([429]));

  assert.equal(await gatehouse.stop(), 0);
  const next = await startGatehouse(t, { env, data: gatehouse.data, port: gatehouse.port });
  expectStatus(await request(next, { path }), 429, path);
  const { uses, mode } = await report(next, '--account', 'admin');
  assert.equal(mode, 'enforce');
  const pulls = uses.filter(({ budget }) => budget === 'pulls');
  assert.deepEqual(
    pulls.map(({ who, used, limit, window_seconds }) => [who, used, limit, window_seconds]),
    [['admin', 137, 137, 21600]],
  );
  assert.deepEqual((await report(next, '--account', 'nobody')).uses, []);
  assert.match(await next.cliOk(['limits']), /^pulls +account admin +137 +137 +100 % +in 5 h/m);
  assert.match(await next.cliOk(['limits', 'reset', '--account', 'admin']), /^Forgotten: [0-9]+ budgets?, /);
  await getOk(next, path);
});

test('an upload that a dead worker held makes room', async (t) => {
  const gatehouse = await startGatehouse(t, { env });
  await holdUpload(gatehouse, 'team/few/app', noise('held', 8 * 1024 * 1024));
  const push = () => pushBlob(gatehouse, 'team/few/app', 'bytes');
  await assert.rejects(push(), /429/);
  assert.deepEqual(
    (await report(gatehouse)).uses
      .filter(({ budget }) => budget === 'uploads')
      .map(({ rule, used, limit }) => [rule, used, limit]),
    [[1, 1, 1]],
  );
  for (const pid of await workerPids(gatehouse)) process.kill(pid, 'SIGKILL');
  await eventually('there is room', () =>
    push().then(
      () => true,
      () => false,
    ),
  );
});

test('bandwidth is shared, over workers and both ways: slower, whole, and to each the same', async (t) => {
  const gatehouse = await startGatehouse(t, { env });
  const bytes = noise('a slow layer', 2 * 1024 * 1024);
  const startedAt = performance.now();
  const digest = await pushBlob(gatehouse, 'team/slow/app', bytes);
  // 2 MiB at 1 MiB/s, but for a quarter of a second ahead and what was left of a portion.
  assert.ok(performance.now() - startedAt >= 1500, 'an upload is paced');
  const pulledAt = performance.now();
  const ends: number[] = [];
  const pulls = Array.from({ length: 2 }, async () => {
    const { body } = await getOk(gatehouse, `/v2/team/slow/app/blobs/${digest}`);
    ends.push(performance.now() - pulledAt);
    assert.ok(body.equals(bytes));
  });
  await Promise.all(pulls);
  // Neither came before the other was as good as done.
  assert.ok(Math.min(...ends) >= 2500, `${ends}`);
});

test('limits: what cannot be asked is said', async (t) => {
  const gatehouse = await startGatehouse(t, { env: { GATEHOUSE_AUTH_BCRYPT_COST: '8' } });
  const wrong = async (...args: string[]) => {
    const { code, stderr } = await gatehouse.cli(['limits', ...args]);
    return [code, stderr.split('\n')[0]];
  };
  assert.deepEqual(await wrong('reset'), [
    2,
    'gatehouse: whose? one of --account NAME, --address ADDRESS, --all',
  ]);
  assert.deepEqual(await wrong('--address', 'nowhere'), [
    2,
    'gatehouse: --address: nowhere is no IP address',
  ]);
  assert.deepEqual(await wrong('--all'), [2, 'gatehouse: --all belongs to reset']);
  // A failed login is counted, its pair is locked after ten; an operator lets them in again.
  const stranger = { ...gatehouse, password: 'wrong' };
  for (let index = 0; index < 10; index++)
    expectStatus(await request(stranger, { path: '/v2/' }), 401, '/v2/');
  expectStatus(await request(gatehouse, { path: '/v2/' }), 429, '/v2/');
  const { locked_logins } = await report(gatehouse);
  assert.deepEqual(
    locked_logins.map(({ account, address }) => [account, address]),
    [['admin', '127.0.0.1']],
  );
  await gatehouse.cliOk(['limits', 'reset', '--account', 'admin']);
  expectStatus(await request(gatehouse, { path: '/v2/' }), 200, '/v2/');
  await gatehouse.stop();
  assert.match(String((await wrong())[1]), /^gatehouse: no gateway runs on /);
});
