import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { openDatabase } from '../../runtime/sqlite.ts';
import { startGatehouse } from '../support/gatehouse.ts';
import { request } from '../support/http.ts';
import { pushImage } from '../support/push.ts';
import { onEnd } from '../support/scope.ts';
import { untilServing } from './crash-support.ts';

const password = 'a good enough password';

/** The promise of docs/operations.md, and what the issue of it allows. */
const promisedMs = 1000;

test('kill -9 of the gateway: what was answered a second before is in the trail', async (t) => {
  const gatehouse = await startGatehouse(t);
  await pushImage(gatehouse, 'team/app', 'v1');
  const answered = new Map<string, number>();
  let stop = false;
  const pulls = Array.from({ length: 4 }, async () => {
    while (!stop) {
      const answer = await request(gatehouse, { path: '/v2/team/app/manifests/v1' }).catch(() => undefined);
      if (answer?.status === 200) answered.set(String(answer.headers['x-request-id']), Date.now());
      else if (!answer) return;
    }
  });
  while ([...answered.values()].every((at) => Date.now() - at < promisedMs + 500)) {
    await new Promise(setImmediate);
  }
  const killedAt = Date.now();
  process.kill(gatehouse.pidOf('gateway'), 'SIGKILL');
  await Promise.all(pulls);
  stop = true;
  await untilServing(gatehouse);
  const lines = (await gatehouse.cliOk(['audit', '--json', '--action', 'pull', '-n', '0']))
    .trim()
    .split('\n');
  const found = new Set(lines.map((line) => JSON.parse(line).requestId));
  const old = [...answered].filter(([, at]) => at <= killedAt - promisedMs).map(([id]) => id);
  assert.ok(old.length > 0);
  assert.deepEqual(
    old.filter((id) => !found.has(id)),
    [],
  );
  assert.equal((await gatehouse.cli(['audit', '--verify'])).code, 0);
});

test('kill -9 of the gateway just when a command made a change: it is in the trail, once', async (t) => {
  const gatehouse = await startGatehouse(t);
  await gatehouse.addUser('alice', password);
  const users = openDatabase(join(gatehouse.data, 'users.db'));
  onEnd(t, () => users.close());
  const granted = users.prepare('SELECT 1 FROM grants WHERE pattern = ?');
  const patterns = ['team-1/**', 'team-2/**', 'team-3/**'];
  for (const pattern of patterns) {
    const gateway = gatehouse.pidOf('gateway');
    const command = gatehouse.cli(['grant', 'alice', pattern, 'pull']);
    while (granted.get(pattern) === undefined) await new Promise(setImmediate);
    process.kill(gateway, 'SIGKILL');
    assert.equal((await command).code, 0);
    await untilServing(gatehouse);
  }
  const output = await gatehouse.cliOk(['audit', '--json', '--action', 'grant.add', '-n', '0']);
  const found = output.trim().split('\n');
  assert.deepEqual(
    found.map((line) => JSON.parse(line).detail.pattern),
    patterns,
  );
  assert.deepEqual(readdirSync(join(gatehouse.data, 'audit-spool')), []);
});
