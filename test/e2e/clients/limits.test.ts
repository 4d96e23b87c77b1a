import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { containerTool } from '../../support/container-tools.ts';
import { startContainerd } from '../../support/containerd.ts';
import { missingDocker, startDockerEngine } from '../../support/docker.ts';
import { temporaryDirectory } from '../../support/files.ts';
import { type Gatehouse, startGatehouse } from '../../support/gatehouse.ts';
import { as } from '../../support/http.ts';
import { layerFiles } from '../../support/images.ts';
import { logLines } from '../../support/log-lines.ts';
import { writeOciImage } from '../../support/oci-layout.ts';
import { getOk } from '../../support/push.ts';
import { fileScope } from '../../support/scope.ts';
import { missingTool, notRoot } from '../../support/tools.ts';

const password = 'a good enough password';
const windowSeconds = 20;

/** What each client makes of a 429 for a manifest. Their ways are theirs: a new version may change them. */
describe('clients and limits', { skip: missingTool('skopeo', 'busybox') }, () => {
  let gatehouse: Gatehouse;

  before(async () => {
    gatehouse = await startGatehouse(fileScope, {
      env: {
        GATEHOUSE_AUTH_BCRYPT_COST: '8',
        GATEHOUSE_LIMITS_OVERRIDES: JSON.stringify([
          { accounts: ['waits-*'], pulls: `1/${windowSeconds}s` },
          { accounts: ['stops-*'], pulls: '1/1h' },
        ]),
      },
    });
    const skopeo = await containerTool(fileScope, 'skopeo', gatehouse.caPath);
    await skopeo.login(gatehouse.host, 'admin', gatehouse.adminPassword);
    const layout = await temporaryDirectory(fileScope, 'layout');
    await writeOciImage(layout, 'v1', { architecture: 'amd64', layers: layerFiles('limits') });
    const remote = `docker://${gatehouse.host}/team/app:v1`;
    await skopeo.ok(['copy', '--dest-cert-dir', skopeo.certDir, `oci:${layout}:v1`, remote]);
  });

  const addUser = (name: string) => gatehouse.addUser(name, password, [['team/**', 'pull']]);
  /** From here on the next GET of a manifest is too much. */
  const spend = (name: string) => getOk(as(gatehouse, name, password), '/v2/team/app/manifests/v1');
  const refusals = (account: string) =>
    logLines(gatehouse).filter((line) => line['account'] === account && line['status'] === 429);

  for (const name of ['skopeo', 'podman', 'buildah'] as const) {
    const skip = missingTool(name) || (name !== 'skopeo' && notRoot());
    test(`${name} waits as long as it is told, and goes on`, { skip }, async (t) => {
      const user = `waits-${name}`;
      await addUser(user);
      const tool = await containerTool(t, name, gatehouse.caPath);
      await tool.login(gatehouse.host, user, password);
      await spend(user);
      const reference = `docker://${gatehouse.host}/team/app:v1`;
      const args =
        name === 'skopeo'
          ? ['inspect', '--raw', '--cert-dir', tool.certDir, reference]
          : ['pull', '--cert-dir', tool.certDir, reference];
      const finished = await tool.run(args);
      assert.equal(finished.code, 0, finished.stderr);
      assert.ok(refusals(user).length >= 1, 'it was refused first');
      // Asking again before its time would be refused again.
      assert.ok(refusals(user).length <= 2, `${refusals(user).length} refusals`);
    });
  }

  test('docker stops at once and shows the message', { skip: missingDocker() }, async (t) => {
    await addUser('stops-docker');
    const engine = await startDockerEngine(t);
    const login = await engine.login(gatehouse.host, 'stops-docker', password);
    assert.equal(login.code, 0, login.stderr);
    await spend('stops-docker');
    const finished = await engine.docker(['pull', `${gatehouse.host}/team/app:v1`]);
    assert.notEqual(finished.code, 0);
    assert.match(
      finished.stderr,
      /toomanyrequests: too many pulls of this account: 1 in 1h are allowed; try again in 3[0-9]{3} seconds/,
    );
    assert.equal(refusals('stops-docker').length, 1);
  });

  const missing = missingTool('containerd', 'ctr') || notRoot();
  test('containerd asks five times within moments, then stops', { skip: missing }, async () => {
    await addUser('stops-containerd');
    const containerd = await startContainerd(fileScope, gatehouse);
    await spend('stops-containerd');
    const finished = await containerd.ctr([
      'images',
      'pull',
      '--snapshotter',
      'native',
      '--hosts-dir',
      containerd.hostsDir,
      '--user',
      `stops-containerd:${password}`,
      `${gatehouse.host}/team/app:v1`,
    ]);
    assert.notEqual(finished.code, 0);
    assert.match(finished.stderr, /429 Too Many Requests/);
    assert.equal(refusals('stops-containerd').length, 5);
  });
});
