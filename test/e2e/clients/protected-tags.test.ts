import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { containerTool } from '../../support/container-tools.ts';
import { missingDocker, startDockerEngine } from '../../support/docker.ts';
import { temporaryDirectory } from '../../support/files.ts';
import { type Gatehouse, startGatehouse } from '../../support/gatehouse.ts';
import { buildWithDocker, layerFiles } from '../../support/images.ts';
import { writeOciImage } from '../../support/oci-layout.ts';
import { fileScope } from '../../support/scope.ts';
import { missingTool } from '../../support/tools.ts';

const why = /the tag release-1 is protected/;

describe('a protected tag', () => {
  let gatehouse: Gatehouse;

  before(async () => {
    const policies = '[{ repositories: "team/**", protected: ["release-*"] }]';
    gatehouse = await startGatehouse(fileScope, { env: { GATEHOUSE_GC_POLICIES: policies } });
  });

  test('docker shows why a push is refused, and the first image stays', {
    skip: missingDocker(),
  }, async (t) => {
    const engine = await startDockerEngine(t);
    await engine.login(gatehouse.host, 'admin', gatehouse.adminPassword);
    const reference = `${gatehouse.host}/team/docker:release-1`;
    const first = await buildWithDocker(engine, reference, layerFiles('docker first'));
    await engine.ok(['push', reference]);
    await engine.ok(['push', reference]);
    await buildWithDocker(engine, reference, layerFiles('docker second'));
    const refused = await engine.docker(['push', reference]);
    assert.notEqual(refused.code, 0);
    assert.match(refused.stderr, why);
    await engine.ok(['pull', reference]);
    assert.equal((await engine.ok(['image', 'inspect', '--format', '{{.Id}}', reference])).trim(), first);
  });

  test('skopeo shows why a copy and a deletion are refused', { skip: missingTool('skopeo') }, async (t) => {
    const skopeo = await containerTool(t, 'skopeo', gatehouse.caPath);
    await skopeo.login(gatehouse.host, 'admin', gatehouse.adminPassword);
    const remote = `docker://${gatehouse.host}/team/skopeo:release-1`;
    const copy = async (seed: string) => {
      const source = await temporaryDirectory(t, 'source');
      await writeOciImage(source, 'v1', { architecture: 'amd64', layers: layerFiles(seed) });
      return skopeo.run(['copy', '--dest-cert-dir', skopeo.certDir, `oci:${source}:v1`, remote]);
    };
    const first = await copy('skopeo first');
    assert.equal(first.code, 0, first.stderr);
    const second = await copy('skopeo second');
    assert.notEqual(second.code, 0);
    assert.match(second.stderr, why);
    const deleted = await skopeo.run(['delete', '--cert-dir', skopeo.certDir, remote]);
    assert.notEqual(deleted.code, 0);
    assert.match(deleted.stderr, why);
  });
});
