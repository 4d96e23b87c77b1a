import assert from 'node:assert/strict';
import test from 'node:test';
import { until } from '../registry-core/support.ts';
import { smallDisk } from '../support/disk.ts';
import { startGatehouse } from '../support/gatehouse.ts';
import { request } from '../support/http.ts';
import { logLines } from '../support/log-lines.ts';
import { pushImage } from '../support/push.ts';
import { notRoot } from '../support/tools.ts';

test('a full disk stops the trail and nothing else; what happened meanwhile is written when there is room', {
  skip: notRoot(),
}, async (t) => {
  const disk = await smallDisk(t, '64m');
  const registry = await startGatehouse(t, { data: disk.path });
  await pushImage(registry, 'app', 'v1');
  const audit = async () => {
    const status = JSON.parse((await registry.cli(['status', '--json'])).stdout);
    return status.gateway.audit as { error: string | null; dropped: number };
  };
  await disk.fill();
  const ids: string[] = [];
  // Until the pages that audit.db has already are used up.
  await until(async () => {
    const answer = await request(registry, { path: '/v2/app/manifests/v1' });
    assert.equal(answer.status, 200);
    ids.push(String(answer.headers['x-request-id']));
    if (ids.length % 50 > 0) return false;
    await disk.fill();
    return (await audit()).error !== null;
  }, 'the trail to fail');
  assert.match((await registry.cli(['status'])).stdout, /^audit +NOT WRITTEN: /m);
  assert.ok(
    logLines(registry).some(({ message }) => /^the audit trail cannot be written/.test(String(message))),
  );
  disk.free();
  await until(async () => (await audit()).error === null, 'the trail to be written again');
  assert.equal((await audit()).dropped, 0);
  const lines = (await registry.cliOk(['audit', '--json', '--action', 'pull', '-n', '0'])).trim().split('\n');
  const found = new Set(lines.map((line) => JSON.parse(line).requestId));
  assert.deepEqual(
    ids.filter((id) => !found.has(id)),
    [],
  );
});
