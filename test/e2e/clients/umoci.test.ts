import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { referrersOf } from '../../support/artifacts.ts';
import { type ContainerTool, containerTool } from '../../support/container-tools.ts';
import { temporaryDirectory } from '../../support/files.ts';
import { type Gatehouse, startGatehouse } from '../../support/gatehouse.ts';
import { digestOfFile, noise, writeEntries } from '../../support/images.ts';
import { writeOciArtifact } from '../../support/oci-layout.ts';
import { runOk } from '../../support/processes.ts';
import { type Descriptor, digestOf, OCI_MANIFEST } from '../../support/push.ts';
import { fileScope, type Scope } from '../../support/scope.ts';
import type { TarEntry } from '../../support/tar.ts';
import { missingTool } from '../../support/tools.ts';

const FILES: TarEntry[] = [
  { path: 'etc/motd', content: 'welcome to umoci\n' },
  { path: 'data/noise.bin', content: noise('umoci', 300_000) },
];

describe('umoci and skopeo', { skip: missingTool('umoci', 'skopeo') }, () => {
  let gatehouse: Gatehouse;
  let skopeo: ContainerTool;

  before(async () => {
    gatehouse = await startGatehouse(fileScope);
    skopeo = await containerTool(fileScope, 'skopeo', gatehouse.caPath);
    const login = await skopeo.login(gatehouse.host, 'admin', gatehouse.adminPassword);
    assert.equal(login.code, 0, login.stderr);
  });

  const up = (layout: string, tag: string, repository: string) => {
    const remote = `docker://${gatehouse.host}/${repository}:${tag}`;
    return skopeo.ok(['copy', '--dest-cert-dir', skopeo.certDir, `oci:${layout}:${tag}`, remote]);
  };
  const down = (reference: string, layout: string, tag: string) => {
    const remote = `docker://${gatehouse.host}/${reference}`;
    return skopeo.ok(['copy', '--src-cert-dir', skopeo.certDir, remote, `oci:${layout}:${tag}`]);
  };

  test('a layout made by umoci goes up and comes back, each manifest and blob the same', async (t) => {
    const layout = await makeLayout(t);
    const back = join(await temporaryDirectory(t, 'back'), 'layout');
    // The first one has no layers at all.
    for (const tag of ['empty', 'inserted', 'configured', 'repacked']) {
      await up(layout, tag, 'team/umoci');
      await down(`team/umoci:${tag}`, back, tag);
    }
    assert.deepEqual(await namesOf(back), await namesOf(layout));
    await assertSameBlobs(back, layout);

    const bundle = join(await temporaryDirectory(t, 'bundle'), 'bundle');
    await runOk('umoci', ['unpack', '--rootless', '--image', `${back}:repacked`, bundle]);
    for (const { path, content } of FILES) {
      assert.equal(await digestOfFile(join(bundle, 'rootfs', path)), digestOf(content), path);
    }
  });

  test('an artifact and referrers in a layout: the registry lists them, and they come back', async (t) => {
    const layout = await makeLayout(t);
    const names = await namesOf(layout);
    const image = { mediaType: OCI_MANIFEST, ...names.repacked! };
    const plain = { artifactType: 'application/vnd.example.notes', content: 'notes of no image' };
    const sbom = {
      artifactType: 'application/spdx+json',
      content: '{"spdxVersion": "SPDX-2.3"}',
      subject: image,
    };
    await writeOciArtifact(layout, 'notes', plain);
    const referrer = await writeOciArtifact(layout, 'sbom', sbom);
    const ofReferrer = { artifactType: 'application/vnd.example.signature', content: 's', subject: referrer };
    const signature = await writeOciArtifact(layout, 'signature', ofReferrer);

    // The referrer before its subject.
    const back = join(await temporaryDirectory(t, 'back'), 'layout');
    for (const tag of ['sbom', 'repacked', 'notes', 'signature']) await up(layout, tag, 'team/artifacts');
    const listed = await referrersOf(gatehouse, 'team/artifacts', image);
    assert.deepEqual(listed, [{ ...referrer, artifactType: sbom.artifactType }]);
    const ofListed = await referrersOf(gatehouse, 'team/artifacts', listed[0]!);
    assert.deepEqual(ofListed, [{ ...signature, artifactType: ofReferrer.artifactType }]);
    await down('team/artifacts:repacked', back, 'repacked');
    await down('team/artifacts:notes', back, 'notes');
    // Found by the list of referrers, not by a tag.
    await down(`team/artifacts@${listed[0]!.digest}`, back, 'sbom');
    await down(`team/artifacts@${ofListed[0]!.digest}`, back, 'signature');
    const [all, copied] = [await namesOf(layout), await namesOf(back)];
    assert.deepEqual(Object.keys(copied), ['repacked', 'notes', 'sbom', 'signature']);
    for (const [tag, name] of Object.entries(copied)) assert.deepEqual(name, all[tag], tag);
  });
});

/** A layout with four images, each made of the one before. */
async function makeLayout(t: Scope): Promise<string> {
  const directory = await temporaryDirectory(t, 'umoci');
  const [layout, bundle] = [join(directory, 'layout'), join(directory, 'bundle')];
  const [motd, ...others] = FILES;
  await writeEntries(directory, [motd!]);
  const umoci = (...args: string[]) => runOk('umoci', args);
  const image = (tag: string) => ['--image', `${layout}:${tag}`];
  await umoci('init', '--layout', layout);
  await umoci('new', ...image('empty'));
  const file = [join(directory, motd!.path), `/${motd!.path}`];
  await umoci('insert', '--rootless', ...image('empty'), '--tag', 'inserted', ...file);
  const configure = ['--config.cmd', '/bin/sh', '--author', 'the tests'];
  await umoci('config', ...image('inserted'), '--tag', 'configured', ...configure);
  await umoci('unpack', '--rootless', ...image('configured'), bundle);
  await writeEntries(join(bundle, 'rootfs'), others);
  await umoci('repack', ...image('repacked'), bundle);
  return layout;
}

/** What the tags of a layout stand for. */
async function namesOf(layout: string): Promise<Record<string, { digest: string; size: number }>> {
  const { manifests } = JSON.parse(await readFile(join(layout, 'index.json'), 'utf8'));
  const entries = manifests.map(({ digest, size, annotations }: Descriptor & { annotations: object }) => {
    return [Object.values(annotations)[0], { digest, size }];
  });
  return Object.fromEntries(entries);
}

async function assertSameBlobs(layout: string, other: string): Promise<void> {
  const blobs = await readdir(join(other, 'blobs', 'sha256'));
  assert.deepEqual((await readdir(join(layout, 'blobs', 'sha256'))).sort(), blobs.sort());
  for (const hex of blobs) {
    assert.equal(await digestOfFile(join(layout, 'blobs', 'sha256', hex)), `sha256:${hex}`);
  }
}
