import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { type ContainerTool, containerTool } from '../../support/container-tools.ts';
import { temporaryDirectory } from '../../support/files.ts';
import { type Gatehouse, startGatehouse } from '../../support/gatehouse.ts';
import { digestOfFile, LARGE_LAYER_BYTES, layerFiles } from '../../support/images.ts';
import { writeOciImage, writeOciIndex } from '../../support/oci-layout.ts';
import { digestOf } from '../../support/push.ts';
import { fileScope, type Scope } from '../../support/scope.ts';
import { missingTool } from '../../support/tools.ts';

describe('skopeo', { skip: missingTool('skopeo', 'busybox') }, () => {
  let gatehouse: Gatehouse;

  before(async () => {
    gatehouse = await startGatehouse(fileScope);
    await gatehouse.addUser('rita', 'pull-only-password', [['shared/**', 'pull']]);
  });

  async function skopeoOf(t: Scope, user: string, password: string): Promise<ContainerTool> {
    const skopeo = await containerTool(t, 'skopeo', gatehouse.caPath);
    const login = await skopeo.login(gatehouse.host, user, password);
    assert.equal(login.code, 0, login.stderr);
    return skopeo;
  }

  test('login takes the right password and refuses a wrong one', async (t) => {
    const skopeo = await containerTool(t, 'skopeo', gatehouse.caPath);
    const wrong = await skopeo.login(gatehouse.host, 'admin', 'not the password');
    assert.notEqual(wrong.code, 0);
    assert.match(wrong.stderr, /invalid username\/password|unauthorized/i);
    const right = await skopeo.login(gatehouse.host, 'admin', gatehouse.adminPassword);
    assert.equal(right.code, 0, right.stderr);
  });

  test('an index of two platforms, with a layer of 200 MB, comes back with every digest', async (t) => {
    const skopeo = await skopeoOf(t, 'admin', gatehouse.adminPassword);
    const [source, back] = [await temporaryDirectory(t, 'source'), await temporaryDirectory(t, 'back')];
    const index = await writeOciIndex(source, 'v1', [
      { architecture: 'amd64', layers: layerFiles('skopeo amd64', { largeBytes: LARGE_LAYER_BYTES }) },
      { architecture: 'arm64', layers: layerFiles('skopeo arm64') },
    ]);
    const remote = `docker://${gatehouse.host}/team/index:v1`;
    await skopeo.ok(['copy', '--all', '--dest-cert-dir', skopeo.certDir, `oci:${source}:v1`, remote]);
    const { stdout: raw } = await skopeo.run(['inspect', '--cert-dir', skopeo.certDir, '--raw', remote]);
    assert.equal(digestOf(raw), index);
    await skopeo.ok(['copy', '--all', '--src-cert-dir', skopeo.certDir, remote, `oci:${back}:v1`]);
    assert.equal(await readNamedDigest(back), index);
    const blobs = await readdir(join(source, 'blobs', 'sha256'));
    assert.deepEqual((await readdir(join(back, 'blobs', 'sha256'))).sort(), blobs.sort());
    for (const hex of blobs) {
      assert.equal(await digestOfFile(join(back, 'blobs', 'sha256', hex)), `sha256:${hex}`);
    }
  });

  test('list-tags and delete', async (t) => {
    const skopeo = await skopeoOf(t, 'admin', gatehouse.adminPassword);
    const source = await temporaryDirectory(t, 'source');
    await writeOciImage(source, 'v1', { architecture: 'amd64', layers: layerFiles('skopeo tags') });
    const repository = `docker://${gatehouse.host}/team/tags`;
    for (const tag of ['a', 'b']) {
      await skopeo.ok([
        'copy',
        '--dest-cert-dir',
        skopeo.certDir,
        `oci:${source}:v1`,
        `${repository}:${tag}`,
      ]);
    }
    const listed = JSON.parse(await skopeo.ok(['list-tags', '--cert-dir', skopeo.certDir, repository]));
    assert.deepEqual(listed.Tags, ['a', 'b']);
    // skopeo looks the digest up and deletes the manifest by it, so both tags go.
    await skopeo.ok(['delete', '--cert-dir', skopeo.certDir, `${repository}:a`]);
    const gone = await skopeo.run(['inspect', '--cert-dir', skopeo.certDir, `${repository}:b`]);
    assert.notEqual(gone.code, 0);
    assert.match(gone.stderr, /manifest unknown/i);
  });

  test('who may only pull cannot push, and a stranger can do neither', async (t) => {
    const admin = await skopeoOf(t, 'admin', gatehouse.adminPassword);
    const source = await temporaryDirectory(t, 'source');
    await writeOciImage(source, 'v1', { architecture: 'amd64', layers: layerFiles('skopeo rights') });
    const remote = `docker://${gatehouse.host}/shared/tool`;
    await admin.ok(['copy', '--dest-cert-dir', admin.certDir, `oci:${source}:v1`, `${remote}:1`]);

    const rita = await skopeoOf(t, 'rita', 'pull-only-password');
    await rita.ok(['inspect', '--cert-dir', rita.certDir, `${remote}:1`]);
    const push = ['copy', '--dest-cert-dir', rita.certDir, `oci:${source}:v1`, `${remote}:2`];
    const refused = await rita.run(push);
    assert.notEqual(refused.code, 0);
    assert.match(refused.stderr, /denied/i);

    const stranger = await containerTool(t, 'skopeo', gatehouse.caPath);
    const unknown = await stranger.run(['inspect', '--cert-dir', stranger.certDir, `${remote}:1`]);
    assert.notEqual(unknown.code, 0);
    assert.match(unknown.stderr, /unauthorized|authentication required|denied/i);
  });
});

async function readNamedDigest(layout: string): Promise<string> {
  return JSON.parse(await readFile(join(layout, 'index.json'), 'utf8')).manifests[0].digest;
}
