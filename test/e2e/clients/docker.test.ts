import assert from 'node:assert/strict';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import {
  type DockerEngine,
  missingDocker,
  pushRemoveAndPull,
  startDockerEngine,
} from '../../support/docker.ts';
import { temporaryDirectory } from '../../support/files.ts';
import { type Gatehouse, startGatehouse } from '../../support/gatehouse.ts';
import {
  buildWithDocker,
  digestOfFile,
  LARGE_FILE,
  LARGE_LAYER_BYTES,
  layerFiles,
} from '../../support/images.ts';
import { digestOf } from '../../support/push.ts';
import { fileScope, type Scope } from '../../support/scope.ts';

describe('docker', { skip: missingDocker() }, () => {
  let gatehouse: Gatehouse;

  before(async () => {
    gatehouse = await startGatehouse(fileScope);
    await gatehouse.addUser('rita', 'pull-only-password', [['shared/**', 'pull']]);
  });

  /** An engine that is logged in, or nobody's. */
  async function engineOf(t: Scope, user?: string, password?: string): Promise<DockerEngine> {
    const engine = await startDockerEngine(t);
    if (user === undefined) return engine;
    const login = await engine.login(gatehouse.host, user, password!);
    assert.equal(login.code, 0, login.stderr);
    return engine;
  }

  test('login takes the right password and refuses a wrong one', async (t) => {
    const engine = await engineOf(t);
    const wrong = await engine.login(gatehouse.host, 'admin', 'not the password');
    assert.notEqual(wrong.code, 0);
    assert.match(wrong.stderr, /unauthorized/i);
    const right = await engine.login(gatehouse.host, 'admin', gatehouse.adminPassword);
    assert.equal(right.code, 0, right.stderr);
    assert.match(right.stdout, /Login Succeeded/);
  });

  test('what was pushed comes back, byte for byte', async (t) => {
    const engine = await engineOf(t, 'admin', gatehouse.adminPassword);
    const layers = layerFiles('docker');
    const id = await buildWithDocker(engine, 'small:1', layers);
    const reference = `${gatehouse.host}/team/small:1`;
    await pushRemoveAndPull(engine, 'small:1', reference);
    assert.equal((await engine.ok(['image', 'inspect', '--format', '{{.Id}}', reference])).trim(), id);
    const directory = await temporaryDirectory(t);
    for (const [index, { path, content }] of layers.flat().entries()) {
      const copy = join(directory, String(index));
      await engine.copyOut(reference, `/${path}`, copy);
      assert.equal(await digestOfFile(copy), digestOf(content), path);
    }
  });

  test('a layer of 200 MB comes back, byte for byte', async (t) => {
    const engine = await engineOf(t, 'admin', gatehouse.adminPassword);
    const layers = layerFiles('docker large', { largeBytes: LARGE_LAYER_BYTES });
    const id = await buildWithDocker(engine, 'large:1', layers);
    const reference = `${gatehouse.host}/team/large:1`;
    await pushRemoveAndPull(engine, 'large:1', reference);
    assert.equal((await engine.ok(['image', 'inspect', '--format', '{{.Id}}', reference])).trim(), id);
    const copy = join(await temporaryDirectory(t), 'large');
    await engine.copyOut(reference, `/${LARGE_FILE}`, copy);
    assert.equal(await digestOfFile(copy), digestOf(layers.at(-1)![0]!.content));
  });

  test('who may only pull cannot push, and a stranger can do neither', async (t) => {
    const admin = await engineOf(t, 'admin', gatehouse.adminPassword);
    const reference = `${gatehouse.host}/shared/tool:1`;
    await buildWithDocker(admin, 'tool:1', layerFiles('docker rights'));
    await pushRemoveAndPull(admin, 'tool:1', reference);

    const rita = await engineOf(t, 'rita', 'pull-only-password');
    await rita.ok(['pull', reference]);
    await rita.ok(['tag', reference, `${gatehouse.host}/shared/tool:2`]);
    const refused = await rita.docker(['push', `${gatehouse.host}/shared/tool:2`]);
    assert.notEqual(refused.code, 0);
    assert.match(refused.stderr, /denied/i);

    const stranger = await engineOf(t);
    const unknown = await stranger.docker(['pull', reference]);
    assert.notEqual(unknown.code, 0);
    assert.match(unknown.stderr, /unauthorized|no basic auth|denied/i);
  });
});
