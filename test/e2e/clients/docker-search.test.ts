import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { missingDocker, startDockerEngine } from '../../support/docker.ts';
import { type Gatehouse, startGatehouse } from '../../support/gatehouse.ts';
import { pushImage } from '../../support/push.ts';
import { fileScope } from '../../support/scope.ts';

describe('docker search', { skip: missingDocker() }, () => {
  let gatehouse: Gatehouse;

  before(async () => {
    gatehouse = await startGatehouse(fileScope);
    await gatehouse.addUser('rita', 'pull-only-password', [['shared/**', 'pull']]);
    for (const name of ['shared/web', 'shared/db', 'private/web']) await pushImage(gatehouse, name, 'v1');
  });

  const search = (term: string) => ['search', '--format', '{{.Name}}', `${gatehouse.host}/${term}`];

  test('shows what the user may pull, and anonymous what it may', async (t) => {
    const engine = await startDockerEngine(t);
    const refused = await engine.docker(search('web'));
    assert.notEqual(refused.code, 0, 'anonymous may see nothing');
    assert.equal((await engine.login(gatehouse.host, 'rita', 'pull-only-password')).code, 0);
    assert.equal(await engine.ok(search('web')), 'shared/web\n');
    assert.equal(await engine.ok(search('shared')), 'shared/db\nshared/web\n');
    assert.equal(await engine.ok(search('nothing-of-that')), '');
    await engine.docker(['logout', gatehouse.host]);
    await gatehouse.cliOk(['grant', 'anonymous', 'shared/db', 'pull']);
    assert.equal(await engine.ok(search('shared')), 'shared/db\n');
  });
});
