import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { eventually } from '../../supervisor/support.ts';
import { containerTool } from '../../support/container-tools.ts';
import { type Containerd, startContainerd } from '../../support/containerd.ts';
import { temporaryDirectory } from '../../support/files.ts';
import { type Gatehouse, startGatehouse } from '../../support/gatehouse.ts';
import { request } from '../../support/http.ts';
import { layerFiles } from '../../support/images.ts';
import { logLines } from '../../support/log-lines.ts';
import { writeOciImage, writeOciIndex } from '../../support/oci-layout.ts';
import { fileScope, type Scope } from '../../support/scope.ts';
import { missingTool, notRoot } from '../../support/tools.ts';

const tools = ['containerd', 'ctr', 'skopeo', 'busybox'];

describe('containerd', { skip: missingTool(...tools) || notRoot() }, () => {
  let gatehouse: Gatehouse;
  let containerd: Containerd;
  let admin: string[];

  before(async () => {
    gatehouse = await startGatehouse(fileScope);
    await gatehouse.addUser('rita', 'pull-only-password', [['**', 'pull']]);
    containerd = await startContainerd(fileScope, gatehouse);
    admin = login('admin', gatehouse.adminPassword);
  });

  const login = (user: string, password: string) => {
    return ['--hosts-dir', containerd.hostsDir, '--user', `${user}:${password}`];
  };
  const pull = (...args: string[]) => ['images', 'pull', '--snapshotter', 'native', ...args];
  const push = (...args: string[]) => ['images', 'push', ...args];

  /** Pushes an image with skopeo, and returns its reference, its digest and the digests of its blobs. */
  async function pushed(t: Scope, repository: string, write: (layout: string) => Promise<string>) {
    const skopeo = await containerTool(t, 'skopeo', gatehouse.caPath);
    const answer = await skopeo.login(gatehouse.host, 'admin', gatehouse.adminPassword);
    assert.equal(answer.code, 0, answer.stderr);
    const layout = await temporaryDirectory(t, 'layout');
    const digest = await write(layout);
    const reference = `${gatehouse.host}/${repository}:v1`;
    const copy = ['copy', '--all', '--dest-cert-dir', skopeo.certDir, `oci:${layout}:v1`];
    await skopeo.ok([...copy, `docker://${reference}`]);
    const blobs = (await readdir(join(layout, 'blobs', 'sha256'))).map((hex) => `sha256:${hex}`);
    return { reference, digest, blobs };
  }

  async function digestOfTag(repository: string, tag: string) {
    const answer = await request(gatehouse, { method: 'HEAD', path: `/v2/${repository}/manifests/${tag}` });
    return answer.headers['docker-content-digest'];
  }

  /** containerd takes no content whose bytes do not have the digest. */
  async function assertHas(digests: string[]): Promise<void> {
    const content = new Set((await containerd.ok(['content', 'ls', '--quiet'])).trim().split('\n'));
    assert.deepEqual(
      digests.filter((digest) => !content.has(digest)),
      [],
    );
  }

  test('an image of another tool is pulled, unpacked, and pushed under another tag and name', async (t) => {
    const image = { architecture: 'amd64', layers: layerFiles('containerd') };
    const { reference, digest, blobs } = await pushed(t, 'team/image', (layout) =>
      writeOciImage(layout, 'v1', image),
    );
    await containerd.ok(pull(...admin, '--platform', 'linux/amd64', reference));
    await assertHas(blobs);
    const check = ['images', 'check', '--snapshotter', 'native', `name==${reference}`];
    assert.match(await containerd.ok(check), new RegExp(`${digest} +complete \\(4/4\\) .* true`));

    for (const repository of ['team/image', 'other/image']) {
      await containerd.ok(push(...admin, `${gatehouse.host}/${repository}:v2`, reference));
      assert.equal(await digestOfTag(repository, 'v2'), digest);
    }
    // Config and layers are mounted from the repository that containerd has them from: 201 and no upload.
    const started = await eventually('the lines of four blobs', () => {
      const lines = logLines(gatehouse).filter(({ path }) => path === '/v2/other/image/blobs/uploads/');
      return lines.length >= 4 ? lines.map(({ status }) => status) : undefined;
    });
    assert.deepEqual(started, [201, 201, 201, 201]);
  });

  test('an index goes down and up again, all platforms', async (t) => {
    const { reference, digest, blobs } = await pushed(t, 'team/index', (layout) =>
      writeOciIndex(layout, 'v1', [
        { architecture: 'amd64', layers: layerFiles('containerd amd64') },
        { architecture: 'arm64', layers: layerFiles('containerd arm64') },
      ]),
    );
    await containerd.ok(['content', 'fetch', '--all-platforms', ...admin, reference]);
    await assertHas(blobs);
    await containerd.ok(push(...admin, `${gatehouse.host}/other/index:v1`, reference));
    assert.equal(await digestOfTag('other/index', 'v1'), digest);
  });

  test('a wrong password, a missing right and an unknown authority are told apart', async (t) => {
    const image = { architecture: 'amd64', layers: layerFiles('containerd rights') };
    const { reference } = await pushed(t, 'team/rights', (layout) => writeOciImage(layout, 'v1', image));
    const refused = async (args: string[], expected: RegExp) => {
      const { code, stderr } = await containerd.ctr(args);
      assert.notEqual(code, 0);
      assert.match(stderr, expected);
    };
    await refused(pull(...login('admin', 'not the password'), reference), /401 Unauthorized/);
    await refused(pull('--hosts-dir', containerd.hostsDirWithoutCa, reference), /unknown authority/);
    const rita = login('rita', 'pull-only-password');
    await containerd.ok(pull(...rita, reference));
    await refused(push(...rita, `${gatehouse.host}/team/rights:v2`, reference), /403 Forbidden|denied/i);
    assert.equal(await digestOfTag('team/rights', 'v2'), undefined);
  });
});
