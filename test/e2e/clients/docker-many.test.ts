import assert from 'node:assert/strict';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import {
  type DockerEngine,
  missingDocker,
  pushRemoveAndPull,
  removeImages,
  startDockerEngine,
} from '../../support/docker.ts';
import { temporaryDirectory } from '../../support/files.ts';
import { type Gatehouse, startGatehouse } from '../../support/gatehouse.ts';
import { request } from '../../support/http.ts';
import { buildWithDocker, digestOfFile, noise } from '../../support/images.ts';
import { DOCKER_INDEX, DOCKER_MANIFEST, digestOf } from '../../support/push.ts';
import { fileScope } from '../../support/scope.ts';
import { tar } from '../../support/tar.ts';
import { startTunnel } from '../../support/tunnel.ts';

const LAYERS = 12;
const LAYER_BYTES = 1024 * 1024;
// Of the addresses for documentation. Docker checks no certificate of a name that means a loopback address,
// and `docker manifest push` speaks plain HTTP to it.
const ADDRESS = '192.0.2.10';

describe('docker: many layers, tags and platforms', { skip: missingDocker() }, () => {
  let gatehouse: Gatehouse;
  let engine: DockerEngine;
  let registry: string;

  before(async () => {
    gatehouse = await startGatehouse(fileScope, { hostnames: [ADDRESS] });
    const env = {
      HTTPS_PROXY: await startTunnel(fileScope, gatehouse.port),
      NO_PROXY: 'localhost',
      SSL_CERT_FILE: gatehouse.caPath,
      DOCKER_CLI_EXPERIMENTAL: 'enabled',
    };
    const flags = [`--max-concurrent-uploads=${LAYERS}`, `--max-concurrent-downloads=${LAYERS}`];
    engine = await startDockerEngine(fileScope, { flags, env });
    registry = `${ADDRESS}:${gatehouse.port}`;
    const login = await engine.login(registry, 'admin', gatehouse.adminPassword);
    assert.equal(login.code, 0, login.stderr);
  });

  const manifestOf = (repository: string, reference: string) =>
    request(gatehouse, { path: `/v2/${repository}/manifests/${reference}` });

  test('twelve layers at once go up and come back, byte for byte', async (t) => {
    const layers = Array.from({ length: LAYERS }, (_, index) => [
      { path: `data/${index}`, content: noise(`docker layer ${index}`, LAYER_BYTES) },
    ]);
    const id = await buildWithDocker(engine, 'layers:1', layers);
    const reference = `${registry}/team/layers:1`;
    await pushRemoveAndPull(engine, 'layers:1', reference);
    assert.equal((await engine.ok(['image', 'inspect', '--format', '{{.Id}}', reference])).trim(), id);
    assert.equal((await manifestOf('team/layers', '1')).json.layers.length, LAYERS);
    const directory = await temporaryDirectory(t);
    for (const { path, content } of [layers[0]![0]!, layers.at(-1)![0]!]) {
      await engine.copyOut(reference, `/${path}`, join(directory, 'copy'));
      assert.equal(await digestOfFile(join(directory, 'copy')), digestOf(content), path);
    }
    await removeImages(engine);
  });

  test('manifest create, annotate and push make an index; each platform gets its image', async () => {
    const repository = `${registry}/team/platforms`;
    const ids: Record<string, string> = {};
    for (const architecture of ['amd64', 'arm64']) {
      ids[architecture] = await buildFor(engine, architecture, `${repository}:${architecture}`);
      await engine.ok(['push', `${repository}:${architecture}`]);
    }
    await removeImages(engine);
    const [index, arm] = [`${repository}:v1`, `${repository}:arm64`];
    await engine.ok(['manifest', 'create', index, `${repository}:amd64`, arm]);
    await engine.ok([
      'manifest',
      'annotate',
      '--os',
      'linux',
      '--arch',
      'arm64',
      '--variant',
      'v8',
      index,
      arm,
    ]);
    const digest = (await engine.ok(['manifest', 'push', '--purge', index])).trim();

    const pushed = await manifestOf('team/platforms', 'v1');
    assert.deepEqual([pushed.status, pushed.headers['content-type']], [200, DOCKER_INDEX]);
    assert.equal(pushed.headers['docker-content-digest'], digest);
    const expected = [];
    for (const [architecture, platform] of [
      ['amd64', { architecture: 'amd64', os: 'linux' }],
      ['arm64', { architecture: 'arm64', os: 'linux', variant: 'v8' }],
    ] as const) {
      const { body } = await manifestOf('team/platforms', architecture);
      expected.push({ mediaType: DOCKER_MANIFEST, size: body.length, digest: digestOf(body), platform });
    }
    assert.deepEqual(pushed.json.manifests, expected);
    assert.deepEqual(JSON.parse(await engine.ok(['manifest', 'inspect', index])), pushed.json);
    for (const [architecture, id] of Object.entries(ids)) {
      await engine.ok(['pull', '--platform', `linux/${architecture}`, index]);
      assert.equal((await engine.ok(['image', 'inspect', '--format', '{{.Id}}', index])).trim(), id);
      await removeImages(engine);
    }
  });

  test('pull --all-tags brings every tag', async () => {
    const repository = `${registry}/team/tags`;
    const expected = [];
    for (const [content, tags] of Object.entries({ one: ['a', 'latest'], two: ['b'] })) {
      const imported = await engine.ok(['import', '-', 'imported'], {
        input: tar([{ path: 'file', content }]),
      });
      for (const tag of tags) {
        await engine.ok(['tag', 'imported', `${repository}:${tag}`]);
        expected.push(`${tag} ${imported.trim()}`);
      }
    }
    await engine.ok(['push', '--all-tags', repository]);
    await removeImages(engine);
    await engine.ok(['pull', '--all-tags', repository]);
    const format = ['--no-trunc', '--format', '{{.Tag}} {{.ID}}'];
    const pulled = (await engine.ok(['image', 'ls', ...format, repository])).trim().split('\n');
    assert.deepEqual(pulled.sort(), expected.sort());
  });
});

async function buildFor(engine: DockerEngine, architecture: string, reference: string): Promise<string> {
  const context = tar([
    { path: 'Dockerfile', content: 'FROM scratch\nCOPY file /\n' },
    { path: 'file', content: `for ${architecture}` },
  ]);
  const platform = `linux/${architecture}`;
  await engine.ok(['build', '--quiet', '--platform', platform, '--tag', reference, '-'], { input: context });
  return (await engine.ok(['image', 'inspect', '--format', '{{.Id}}', reference])).trim();
}
