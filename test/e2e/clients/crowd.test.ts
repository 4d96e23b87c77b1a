import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { type ContainerTool, containerTool } from '../../support/container-tools.ts';
import { temporaryDirectory } from '../../support/files.ts';
import { type Gatehouse, startGatehouse } from '../../support/gatehouse.ts';
import { request } from '../../support/http.ts';
import { digestOfFile, layerFiles } from '../../support/images.ts';
import { writeOciImage } from '../../support/oci-layout.ts';
import { expectStatus, pushImage } from '../../support/push.ts';
import { missingTool } from '../../support/tools.ts';

const TEN = Array.from({ length: 10 }, (_, index) => index);
const LAYER_BYTES = 20 * 1024 * 1024;
const COLLECTION_TIMEOUT_MS = 60_000;

describe('many clients at once', { skip: missingTool('skopeo', 'busybox') }, () => {
  test('ten pushes of the same image, then ten pulls while collections run', async (t) => {
    const gatehouse = await startGatehouse(t, { env: { GATEHOUSE_GC_LEASE: '2s' } });
    const skopeo = await containerTool(t, 'skopeo', gatehouse.caPath);
    assert.equal((await skopeo.login(gatehouse.host, 'admin', gatehouse.adminPassword)).code, 0);
    const source = await temporaryDirectory(t, 'source');
    const layers = layerFiles('crowd', { largeBytes: LAYER_BYTES });
    const digest = await writeOciImage(source, 'v1', { architecture: 'amd64', layers });
    const remote = `docker://${gatehouse.host}/team/crowd:v1`;

    const push = ['copy', '--dest-cert-dir', skopeo.certDir, `oci:${source}:v1`, remote];
    await Promise.all(TEN.map(() => skopeo.ok(push)));

    // Garbage whose lease runs out while the pulls go on, so that a collection removes something meanwhile.
    for (const index of TEN) await pushAndDelete(gatehouse, `garbage ${index}`);
    const target = await temporaryDirectory(t, 'target');
    const collections = startCollections(gatehouse);
    for (let round = 0; round === 0 || collections.isRunning(); round++) {
      const pulls = TEN.map((index) => pull(skopeo, remote, join(target, `${round}-${index}`)));
      assert.deepEqual(new Set(await Promise.all(pulls)), new Set([digest]));
    }
    assert.ok((await collections.blobsSwept) > 0, 'no collection found anything in time');
  });
});

/** Pulls into a directory, which checks every blob, and returns the manifest's digest. */
async function pull(skopeo: ContainerTool, remote: string, directory: string): Promise<string> {
  await skopeo.ok(['copy', '--src-cert-dir', skopeo.certDir, remote, `dir:${directory}`]);
  return digestOfFile(join(directory, 'manifest.json'));
}

async function pushAndDelete(gatehouse: Gatehouse, content: string): Promise<void> {
  const { digest } = await pushImage(gatehouse, 'team/garbage', 'v1', { layers: [content] });
  const path = `/v2/team/garbage/manifests/${digest}`;
  expectStatus(await request(gatehouse, { method: 'DELETE', path }), 202, path);
}

/** Runs one collection after the other until one has removed something, or the time is over. */
function startCollections(gatehouse: Gatehouse) {
  let running = true;
  const deadline = performance.now() + COLLECTION_TIMEOUT_MS;
  const collect = async () => {
    for (let swept = 0; ; ) {
      swept = JSON.parse(await gatehouse.cliOk(['gc', '--json'])).blobs_swept;
      if (swept > 0 || performance.now() > deadline) return swept;
    }
  };
  const blobsSwept = collect().finally(() => {
    running = false;
  });
  // Awaited after the pulls; a failure before that is no unhandled rejection.
  blobsSwept.catch(() => {});
  return { isRunning: () => running, blobsSwept };
}
