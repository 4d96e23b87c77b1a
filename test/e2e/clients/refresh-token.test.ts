import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { containerTool } from '../../support/container-tools.ts';
import { startContainerd } from '../../support/containerd.ts';
import { temporaryDirectory } from '../../support/files.ts';
import { type Gatehouse, startGatehouse } from '../../support/gatehouse.ts';
import { request, type Target } from '../../support/http.ts';
import { layerFiles } from '../../support/images.ts';
import { writeOciImage } from '../../support/oci-layout.ts';
import { fileScope, type Scope } from '../../support/scope.ts';
import { missingTool, notRoot } from '../../support/tools.ts';

/** Clients that get their token by POST: with what `docker login` has stored, or with a password. */
describe('POST /token', { skip: missingTool('skopeo', 'busybox') }, () => {
  let gatehouse: Gatehouse;
  let alice: Target;

  before(async () => {
    gatehouse = await startGatehouse(fileScope);
    alice = await gatehouse.addUser('alice', 'a quiet afternoon');
  });

  async function refreshToken(): Promise<string> {
    const { json } = await request(alice, { path: '/token?offline_token=true&client_id=docker' });
    return json.refresh_token;
  }

  /** What docker writes into its `config.json`. */
  async function skopeoWith(t: Scope, identitytoken: string) {
    const skopeo = await containerTool(t, 'skopeo', gatehouse.caPath);
    const file = join(await temporaryDirectory(t, 'auth'), 'config.json');
    const auth = Buffer.from('alice:').toString('base64');
    await writeFile(file, JSON.stringify({ auths: { [gatehouse.host]: { auth, identitytoken } } }));
    const copy = (from: string, to: string) =>
      skopeo.run([
        'copy',
        '--authfile',
        file,
        `--${from.startsWith('docker:') ? 'src' : 'dest'}-cert-dir`,
        skopeo.certDir,
        from,
        to,
      ]);
    return { copy };
  }

  test('skopeo pushes and pulls with the refresh token of docker', async (t) => {
    const secret = await refreshToken();
    const skopeo = await skopeoWith(t, secret);
    const source = await temporaryDirectory(t, 'source');
    const back = await temporaryDirectory(t, 'back');
    await writeOciImage(source, 'v1', { architecture: 'amd64', layers: layerFiles('skopeo refresh') });
    const remote = `docker://${gatehouse.host}/alice/tool:v1`;
    for (const [from, to] of [
      [`oci:${source}:v1`, remote],
      [remote, `oci:${back}:v1`],
    ] as const) {
      const { code, stderr } = await skopeo.copy(from, to);
      assert.equal(code, 0, stderr);
    }
    await gatehouse.cliOk(['session', 'revoke', '--user', 'alice']);
    const refused = await skopeo.copy(remote, `oci:${back}:v2`);
    assert.notEqual(refused.code, 0);
    assert.match(refused.stderr, /unauthorized|invalid username\/password|401/i);
  });

  test('containerd pulls with a refresh token, and with a password', {
    skip: missingTool('containerd', 'ctr') || notRoot(),
  }, async (t) => {
    const containerd = await startContainerd(t, gatehouse);
    const skopeo = await skopeoWith(t, await refreshToken());
    const source = await temporaryDirectory(t, 'source');
    await writeOciImage(source, 'v1', { architecture: 'amd64', layers: layerFiles('containerd refresh') });
    const reference = `${gatehouse.host}/alice/pulled:v1`;
    const pushed = await skopeo.copy(`oci:${source}:v1`, `docker://${reference}`);
    assert.equal(pushed.code, 0, pushed.stderr);
    const pull = (...login: string[]) =>
      containerd.ctr([
        'images',
        'pull',
        '--snapshotter',
        'native',
        '--hosts-dir',
        containerd.hostsDir,
        ...login,
        reference,
      ]);
    const secret = await refreshToken();
    for (const login of [
      ['--refresh', secret],
      ['--user', 'alice:a quiet afternoon'],
    ]) {
      const { code, stderr } = await pull(...login);
      assert.equal(code, 0, stderr);
      await containerd.ok(['images', 'rm', '--sync', reference]);
    }
    const posted = gatehouse
      .stderr()
      .split('\n')
      .filter((line) => line.includes('"method":"POST"') && line.includes('"path":"/token"'))
      .filter((line) => line.includes('containerd'));
    assert.ok(posted.length >= 2, 'both came by POST');
    for (const line of posted) assert.match(line, /"status":200/);
    await gatehouse.cliOk(['session', 'revoke', '--user', 'alice']);
    const refused = await pull('--refresh', secret);
    assert.notEqual(refused.code, 0);
    assert.match(refused.stderr, /401 Unauthorized|authorization failed/);
  });
});
