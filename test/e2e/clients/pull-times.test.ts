import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { openDatabase } from '../../../runtime/sqlite.ts';
import { containerTool } from '../../support/container-tools.ts';
import { startContainerd } from '../../support/containerd.ts';
import { missingDocker, startDockerEngine } from '../../support/docker.ts';
import { temporaryDirectory } from '../../support/files.ts';
import { type Gatehouse, startGatehouse } from '../../support/gatehouse.ts';
import { layerFiles } from '../../support/images.ts';
import { writeOciImage } from '../../support/oci-layout.ts';
import type { Scope } from '../../support/scope.ts';
import { missingTool, notRoot } from '../../support/tools.ts';

/** What policies count as a pull is what real clients send: docs/garbage-collection.md, "Policies". */
async function pushed(t: Scope) {
  const data = await temporaryDirectory(t);
  const gatehouse = await startGatehouse(t, { data });
  const skopeo = await containerTool(t, 'skopeo', gatehouse.caPath);
  await skopeo.login(gatehouse.host, 'admin', gatehouse.adminPassword);
  const layout = await temporaryDirectory(t, 'layout');
  await writeOciImage(layout, 'v1', { architecture: 'amd64', layers: layerFiles('pull times') });
  const reference = `${gatehouse.host}/team/app:v1`;
  await skopeo.ok(['copy', '--dest-cert-dir', skopeo.certDir, `oci:${layout}:v1`, `docker://${reference}`]);
  return { data, gatehouse, reference, port: gatehouse.port };
}

/** Stops it, so that what waits is written, and forgets it again. @returns which rows had a pull time. */
async function pullsOf(gatehouse: Gatehouse): Promise<{ tag: boolean; manifest: boolean }> {
  await gatehouse.stop();
  const database = openDatabase(join(gatehouse.data, 'registry.db'));
  const has = (table: string) =>
    database.prepare(`SELECT 1 FROM ${table} WHERE pulled_at > 0`).get() !== undefined;
  const found = { tag: has('tags'), manifest: has('manifests') };
  database.exec('UPDATE tags SET pulled_at = 0; UPDATE manifests SET pulled_at = 0');
  database.close();
  return found;
}

describe('what counts as a pull', { skip: missingTool('skopeo', 'busybox') }, () => {
  const needs = { skip: missingTool('containerd', 'ctr') || notRoot() };

  test(
    'containerd asks for the tag by HEAD and pulls by digest; what it has already it only asks for',
    needs,
    async (t) => {
      const { data, gatehouse, reference, port } = await pushed(t);
      const containerd = await startContainerd(t, gatehouse);
      const pull = () =>
        containerd.ok([
          ...['images', 'pull', '--snapshotter', 'native', '--hosts-dir', containerd.hostsDir],
          ...['--user', `admin:${gatehouse.adminPassword}`, reference],
        ]);
      await pull();
      assert.deepEqual(await pullsOf(gatehouse), { tag: true, manifest: true });
      const again = await startGatehouse(t, { data, port });
      await pull();
      assert.deepEqual(await pullsOf(again), { tag: true, manifest: false });
    },
  );

  test('docker does the same', { skip: missingDocker() }, async (t) => {
    const { data, gatehouse, reference, port } = await pushed(t);
    const engine = await startDockerEngine(t);
    await engine.login(gatehouse.host, 'admin', gatehouse.adminPassword);
    await engine.ok(['pull', reference]);
    assert.deepEqual(await pullsOf(gatehouse), { tag: true, manifest: true });
    const again = await startGatehouse(t, { data, port });
    await engine.ok(['pull', reference]);
    assert.deepEqual(await pullsOf(again), { tag: true, manifest: false });
  });
});
