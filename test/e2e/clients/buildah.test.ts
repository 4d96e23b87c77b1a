import assert from 'node:assert/strict';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { type ContainerTool, containerTool } from '../../support/container-tools.ts';
import { temporaryDirectory } from '../../support/files.ts';
import { type Gatehouse, startGatehouse } from '../../support/gatehouse.ts';
import { digestOfFile, layerFiles, writeEntries } from '../../support/images.ts';
import { digestOf } from '../../support/push.ts';
import { fileScope, type Scope } from '../../support/scope.ts';
import type { TarEntry } from '../../support/tar.ts';
import { missingTool, notRoot } from '../../support/tools.ts';

describe('buildah', { skip: missingTool('buildah', 'busybox') || notRoot() }, () => {
  let gatehouse: Gatehouse;

  before(async () => {
    gatehouse = await startGatehouse(fileScope);
    await gatehouse.addUser('rita', 'pull-only-password', [['shared/**', 'pull']]);
  });

  async function buildahOf(t: Scope, user: string, password: string): Promise<ContainerTool> {
    const buildah = await containerTool(t, 'buildah', gatehouse.caPath);
    const login = await buildah.login(gatehouse.host, user, password);
    assert.equal(login.code, 0, login.stderr);
    return buildah;
  }

  test('login takes the right password and refuses a wrong one', async (t) => {
    const buildah = await containerTool(t, 'buildah', gatehouse.caPath);
    const wrong = await buildah.login(gatehouse.host, 'admin', 'not the password');
    assert.notEqual(wrong.code, 0);
    assert.match(wrong.stderr, /invalid username\/password|unauthorized/i);
    const right = await buildah.login(gatehouse.host, 'admin', gatehouse.adminPassword);
    assert.equal(right.code, 0, right.stderr);
  });

  for (const format of ['oci', 'docker']) {
    test(`an image in ${format} format comes back, byte for byte`, async (t) => {
      const buildah = await buildahOf(t, 'admin', gatehouse.adminPassword);
      const layers = layerFiles(`buildah ${format}`);
      const reference = `${gatehouse.host}/team/image-${format}:1`;
      const id = await build(t, buildah, layers, format);
      await buildah.ok(['push', '--cert-dir', buildah.certDir, id, `docker://${reference}`]);
      await buildah.ok(['rm', '--all']);
      await buildah.ok(['rmi', '--all', '--force']);
      await buildah.ok(['pull', '--cert-dir', buildah.certDir, reference]);
      assert.equal(
        await buildah.ok(['inspect', '--type=image', '--format', '{{.FromImageID}}', reference]),
        id,
      );
      const container = await buildah.ok(['from', '--pull-never', reference]);
      const root = await buildah.ok(['mount', container]);
      for (const { path, content } of layers.flat()) {
        assert.equal(await digestOfFile(join(root, path)), digestOf(content), path);
      }
    });
  }

  test('who may only pull cannot push', async (t) => {
    const rita = await buildahOf(t, 'rita', 'pull-only-password');
    const id = await build(t, rita, layerFiles('buildah rights'), 'oci');
    const destination = `docker://${gatehouse.host}/shared/tool:1`;
    const refused = await rita.run(['push', '--cert-dir', rita.certDir, id, destination]);
    assert.notEqual(refused.code, 0);
    assert.match(refused.stderr, /denied/i);
  });
});

/** One commit for each layer, as a script would do it. Returns the id of the image. */
async function build(
  t: Scope,
  buildah: ContainerTool,
  layers: TarEntry[][],
  format: string,
): Promise<string> {
  let image = 'scratch';
  for (const entries of layers) {
    const files = await temporaryDirectory(t, 'files');
    await writeEntries(files, entries);
    const container = await buildah.ok(['from', '--pull-never', image]);
    await buildah.ok(['copy', container, files, '/']);
    image = await buildah.ok(['commit', '--quiet', '--format', format, container]);
  }
  return image;
}
