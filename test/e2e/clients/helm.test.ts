import assert from 'node:assert/strict';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { containerTool } from '../../support/container-tools.ts';
import { temporaryDirectory } from '../../support/files.ts';
import { type Gatehouse, startGatehouse } from '../../support/gatehouse.ts';
import { request, type Target } from '../../support/http.ts';
import { digestOfFile } from '../../support/images.ts';
import { describeBlob, digestOf, getOk, OCI_MANIFEST, pushBlob, pushManifest } from '../../support/push.ts';
import { fileScope } from '../../support/scope.ts';
import { tar } from '../../support/tar.ts';
import { withToken } from '../../support/token.ts';
import { missingTool } from '../../support/tools.ts';

const CONFIG = 'application/vnd.cncf.helm.config.v1+json';
const CHART = 'application/vnd.cncf.helm.chart.content.v1.tar+gzip';
const PROVENANCE = 'application/vnd.cncf.helm.chart.provenance.v1.prov';
const REPOSITORY = 'charts/app';

// Debian has no helm: these are the requests of `helm push` and `helm pull`.
describe('a chart, as helm pushes it', () => {
  let gatehouse: Gatehouse;
  let chart: Chart;
  let digest: string;

  before(async () => {
    gatehouse = await startGatehouse(fileScope);
    const client = await withToken(gatehouse, `repository:${REPOSITORY}:pull,push`);
    await pushChart(client, makeChart('1.0.0'));
    chart = makeChart('1.1.0+build.5');
    digest = await pushChart(client, chart);
  });

  test('who may only pull finds its version and gets chart and provenance', async () => {
    const user = await gatehouse.addUser('rita', 'pull-only-password', [['charts/**', 'pull']]);
    const client = await withToken(user, `repository:${REPOSITORY}:pull`);
    const { tags } = (await getOk(client, `/v2/${REPOSITORY}/tags/list`)).json;
    assert.deepEqual(tags, ['1.0.0', '1.1.0_build.5']);
    const path = `/v2/${REPOSITORY}/manifests/${tags.at(-1)}`;
    const resolved = await request(client, { method: 'HEAD', path, headers: { accept: OCI_MANIFEST } });
    assert.equal(resolved.headers['docker-content-digest'], digest);
    assert.equal(resolved.headers['content-type'], OCI_MANIFEST);
    const manifest = (await getOk(client, `/v2/${REPOSITORY}/manifests/${digest}`)).json;
    assert.equal(manifest.config.mediaType, CONFIG);
    const pulled = await Promise.all(
      [manifest.config, ...manifest.layers].map(({ digest: blob }) =>
        getOk(client, `/v2/${REPOSITORY}/blobs/${blob}`),
      ),
    );
    assert.deepEqual(
      pulled.map(({ body }) => body),
      [chart.config, chart.archive, chart.provenance],
    );
  });

  test('skopeo copies it into a layout', { skip: missingTool('skopeo') }, async (t) => {
    const skopeo = await containerTool(t, 'skopeo', gatehouse.caPath);
    const login = await skopeo.login(gatehouse.host, 'admin', gatehouse.adminPassword);
    assert.equal(login.code, 0, login.stderr);
    const layout = join(await temporaryDirectory(t, 'chart'), 'layout');
    const remote = `docker://${gatehouse.host}/${REPOSITORY}:${chart.tag}`;
    await skopeo.ok(['copy', '--src-cert-dir', skopeo.certDir, remote, `oci:${layout}:${chart.tag}`]);
    const blobs = [chart.config, chart.archive, chart.provenance].map(digestOf);
    for (const blob of [digest, ...blobs]) {
      assert.equal(await digestOfFile(join(layout, 'blobs', ...blob.split(':'))), blob);
    }
  });
});

type Chart = ReturnType<typeof makeChart>;

function makeChart(version: string) {
  const metadata = { apiVersion: 'v2', name: 'app', version, description: 'a chart of the tests' };
  const yaml = Object.entries(metadata).map(([key, value]) => `${key}: ${value}\n`);
  const template = 'kind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}\n';
  const archive = gzipSync(
    tar([
      { path: 'app/Chart.yaml', content: yaml.join('') },
      { path: 'app/templates/map.yaml', content: template },
    ]),
  );
  return {
    // A tag has no +.
    tag: version.replace('+', '_'),
    version,
    config: Buffer.from(JSON.stringify(metadata)),
    archive,
    provenance: Buffer.from(`files:\n  app-${version}.tgz: ${digestOf(archive)}\n`),
  };
}

async function pushChart(
  client: Target,
  { tag, version, config, archive, provenance }: Chart,
): Promise<string> {
  await Promise.all([config, archive, provenance].map((blob) => pushBlob(client, REPOSITORY, blob)));
  return pushManifest(client, REPOSITORY, tag, {
    schemaVersion: 2,
    config: describeBlob(CONFIG, config),
    layers: [describeBlob(CHART, archive), describeBlob(PROVENANCE, provenance)],
    annotations: {
      'org.opencontainers.image.title': 'app',
      'org.opencontainers.image.version': version,
    },
  });
}
