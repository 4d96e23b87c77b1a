import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { missingDocker, pushRemoveAndPull, startDockerEngine } from '../../support/docker.ts';
import { startGatehouse } from '../../support/gatehouse.ts';
import { buildWithDocker, layerFiles } from '../../support/images.ts';

describe('the audit trail of docker', { skip: missingDocker() }, () => {
  test('a failed login, a login, a push and a pull, by two workers', async (t) => {
    const gatehouse = await startGatehouse(t, { env: { GATEHOUSE_GATEWAY_WORKERS: '2' } });
    await gatehouse.addUser('dora', 'a good password of dora');
    const engine = await startDockerEngine(t);
    assert.notEqual((await engine.login(gatehouse.host, 'dora', 'a wrong one')).code, 0);
    assert.equal((await engine.login(gatehouse.host, 'dora', 'a good password of dora')).code, 0);
    await buildWithDocker(engine, 'small:1', layerFiles('audit'));
    await pushRemoveAndPull(engine, 'small:1', `${gatehouse.host}/dora/small:1`);
    // A draining gateway writes what waits.
    await gatehouse.stop();
    const lines = (await gatehouse.cliOk(['audit', '--json', '-n', '0', '--user', 'dora']))
      .trim()
      .split('\n');
    const entries = lines.map((line) => JSON.parse(line));
    const actions = entries.map(({ action }) => action);
    assert.deepEqual(actions.slice(0, 3), ['user.add', 'login.failed', 'login']);
    const [push] = entries.filter(({ action }) => action === 'push');
    const [pull] = entries.filter(({ action }) => action === 'pull');
    assert.equal(push.reference, '1');
    // It asks what the tag is, then pulls by digest.
    assert.ok(['1', push.digest].includes(pull.reference), pull.reference);
    for (const entry of [push, pull]) {
      assert.deepEqual([entry.actor, entry.repository], ['dora', 'dora/small']);
      assert.match(entry.token, /./, 'docker came with a Bearer token');
      assert.equal(entry.digest, push.digest);
    }
    assert.doesNotMatch(lines.join('\n'), /a good password|a wrong one/);
  });
});
