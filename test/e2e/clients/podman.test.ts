import assert from 'node:assert/strict';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { type ContainerTool, containerTool } from '../../support/container-tools.ts';
import { temporaryDirectory } from '../../support/files.ts';
import { type Gatehouse, startGatehouse } from '../../support/gatehouse.ts';
import { digestOfFile, LARGE_LAYER_BYTES, layerFiles, writeBuildContext } from '../../support/images.ts';
import { digestOf } from '../../support/push.ts';
import { fileScope, type Scope } from '../../support/scope.ts';
import type { TarEntry } from '../../support/tar.ts';
import { missingTool, notRoot } from '../../support/tools.ts';

describe('podman', { skip: missingTool('podman', 'busybox') || notRoot() }, () => {
  let gatehouse: Gatehouse;

  before(async () => {
    gatehouse = await startGatehouse(fileScope);
    await gatehouse.addUser('rita', 'pull-only-password', [['shared/**', 'pull']]);
  });

  async function podmanOf(t: Scope, user: string, password: string): Promise<ContainerTool> {
    const podman = await containerTool(t, 'podman', gatehouse.caPath);
    const login = await podman.login(gatehouse.host, user, password);
    assert.equal(login.code, 0, login.stderr);
    return podman;
  }

  test('login takes the right password and refuses a wrong one', async (t) => {
    const podman = await containerTool(t, 'podman', gatehouse.caPath);
    const wrong = await podman.login(gatehouse.host, 'admin', 'not the password');
    assert.notEqual(wrong.code, 0);
    assert.match(wrong.stderr, /invalid username\/password|unauthorized/i);
    const right = await podman.login(gatehouse.host, 'admin', gatehouse.adminPassword);
    assert.equal(right.code, 0, right.stderr);
  });

  for (const [size, largeBytes] of [
    ['everyday layers', 0],
    ['a layer of 200 MB', LARGE_LAYER_BYTES],
  ] as const) {
    test(`an image with ${size} comes back, byte for byte`, async (t) => {
      const podman = await podmanOf(t, 'admin', gatehouse.adminPassword);
      const layers = layerFiles(`podman ${size}`, { largeBytes });
      const reference = `${gatehouse.host}/team/image-${largeBytes}:1`;
      const id = await build(t, podman, reference, layers);
      await podman.ok(['push', '--cert-dir', podman.certDir, reference]);
      await podman.ok(['rmi', '--all', '--force']);
      await podman.ok(['pull', '--cert-dir', podman.certDir, reference]);
      assert.equal(await podman.ok(['image', 'inspect', '--format', '{{.Id}}', reference]), id);
      const root = await podman.ok(['image', 'mount', reference]);
      for (const { path, content } of layers.flat()) {
        assert.equal(await digestOfFile(join(root, path)), digestOf(content), path);
      }
    });
  }

  test('who may only pull cannot push, and a stranger can do neither', async (t) => {
    const admin = await podmanOf(t, 'admin', gatehouse.adminPassword);
    const reference = `${gatehouse.host}/shared/tool:1`;
    await build(t, admin, reference, layerFiles('podman rights'));
    await admin.ok(['push', '--cert-dir', admin.certDir, reference]);

    const rita = await podmanOf(t, 'rita', 'pull-only-password');
    await rita.ok(['pull', '--cert-dir', rita.certDir, reference]);
    const refused = await rita.run(['push', '--cert-dir', rita.certDir, reference, `${reference}-mine`]);
    assert.notEqual(refused.code, 0);
    assert.match(refused.stderr, /denied/i);

    const stranger = await containerTool(t, 'podman', gatehouse.caPath);
    const unknown = await stranger.run(['pull', '--cert-dir', stranger.certDir, reference]);
    assert.notEqual(unknown.code, 0);
    assert.match(unknown.stderr, /unauthorized|authentication required|denied/i);
  });
});

async function build(
  t: Scope,
  podman: ContainerTool,
  reference: string,
  layers: TarEntry[][],
): Promise<string> {
  const context = await temporaryDirectory(t, 'context');
  await writeBuildContext(context, 'scratch', layers);
  await podman.ok(['build', '--layers', '--network=none', '--tag', reference, context]);
  return podman.ok(['image', 'inspect', '--format', '{{.Id}}', reference]);
}
