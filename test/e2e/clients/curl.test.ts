import assert from 'node:assert/strict';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { type Curl, curlAs } from '../../support/curl.ts';
import { bytesBelow } from '../../support/files.ts';
import { type Gatehouse, startGatehouse } from '../../support/gatehouse.ts';
import { noise } from '../../support/images.ts';
import { DOCKER_CONFIG, DOCKER_LAYER, DOCKER_MANIFEST, describeBlob, digestOf } from '../../support/push.ts';
import { fileScope } from '../../support/scope.ts';
import { missingTool } from '../../support/tools.ts';

const LAYER_BYTES = 20 * 1024 * 1024;
const SPACE_TIMEOUT_MS = 60_000;

describe('curl', { skip: missingTool('curl') }, () => {
  let gatehouse: Gatehouse;
  let admin: Curl;

  before(async () => {
    gatehouse = await startGatehouse(fileScope, { env: { GATEHOUSE_GC_LEASE: '2s' } });
    admin = await curlAs(fileScope, gatehouse, 'admin', gatehouse.adminPassword);
  });

  test('the catalog, the tags and the manifest of what was pushed', async () => {
    const { manifest, digest } = await push(admin, 'look/image', ['v2', 'v1']);

    const catalog = await admin('/v2/_catalog');
    assert.equal(catalog.status, 200);
    assert.ok(catalog.json.repositories.includes('look/image'));
    const tags = await admin('/v2/look/image/tags/list');
    assert.deepEqual(tags.json, { name: 'look/image', tags: ['v1', 'v2'] });

    const accept = [`Accept: ${DOCKER_MANIFEST}`];
    const answer = await admin('/v2/look/image/manifests/v1', { headers: accept });
    assert.equal(answer.status, 200);
    assert.deepEqual(answer.headers['docker-content-digest'], [digest]);
    assert.deepEqual(answer.headers['content-type'], [DOCKER_MANIFEST]);
    assert.ok(answer.body.equals(manifest));
    const head = await admin('/v2/look/image/manifests/v1', { method: 'HEAD', headers: accept });
    assert.equal(head.status, 200);
    assert.deepEqual(head.headers['docker-content-digest'], [digest]);
    assert.deepEqual(head.headers['content-length'], [String(manifest.length)]);
  });

  test('deleting a manifest and a layer, and a collection that gives the space back', async () => {
    const before = await bytesOnDisk(gatehouse);
    const { digest, layer } = await push(admin, 'gone/image', ['v1']);
    assert.ok((await bytesOnDisk(gatehouse)) >= before + LAYER_BYTES);

    const inUse = await admin(`/v2/gone/image/blobs/${layer}`, { method: 'DELETE' });
    assert.equal(inUse.status, 405);
    assert.equal(inUse.json.errors[0].code, 'UNSUPPORTED');
    assert.equal((await admin(`/v2/gone/image/manifests/${digest}`, { method: 'DELETE' })).status, 202);
    assert.equal((await admin('/v2/gone/image/manifests/v1')).status, 404);
    assert.equal((await admin(`/v2/gone/image/blobs/${layer}`, { method: 'DELETE' })).status, 202);
    assert.equal((await admin(`/v2/gone/image/blobs/${layer}`, { method: 'HEAD' })).status, 404);

    await collectUntilOnDisk(gatehouse, before);
  });

  test('a stranger gets 401 and is told where tokens are', async (t) => {
    await push(admin, 'closed/image', ['v1']);
    const stranger = await curlAs(t, gatehouse);
    for (const path of [
      '/v2/',
      '/v2/_catalog',
      '/v2/closed/image/tags/list',
      '/v2/closed/image/manifests/v1',
    ]) {
      const answer = await stranger(path);
      assert.equal(answer.status, 401, path);
      assert.equal(answer.json.errors[0].code, 'UNAUTHORIZED', path);
      assert.equal(answer.headers['www-authenticate']?.length, 1, path);
      assert.match(answer.headers['www-authenticate']![0]!, /^Bearer realm="https:\/\/localhost:\d+\/token"/);
    }
  });

  test('a wrong password gets 401, on every path', async (t) => {
    const wrong = await curlAs(t, gatehouse, 'admin', 'not-the-password');
    for (const path of ['/v2/', '/v2/_catalog', '/token'])
      assert.equal((await wrong(path)).status, 401, path);
  });

  test('who may only pull cannot push or delete', async (t) => {
    const { digest } = await push(admin, 'read/image', ['v1']);
    await gatehouse.addUser('rita', 'pull-only-password', [['read/**', 'pull']]);
    const rita = await curlAs(t, gatehouse, 'rita', 'pull-only-password');
    assert.equal((await rita('/v2/read/image/manifests/v1')).status, 200);
    for (const [method, path] of [
      ['POST', '/v2/read/image/blobs/uploads/'],
      ['PUT', '/v2/read/image/manifests/v2'],
      ['DELETE', `/v2/read/image/manifests/${digest}`],
    ] as const) {
      const answer = await rita(path, { method, data: '{}' });
      assert.equal(answer.status, 403, `${method} ${path}`);
      assert.equal(answer.json.errors[0].code, 'DENIED');
    }
  });

  test("another team's repository is denied and not in the catalog", async (t) => {
    await push(admin, 'blue/image', ['v1']);
    await push(admin, 'green/image', ['v1']);
    await gatehouse.addUser('beate', 'password-of-beate', [['blue/**', 'pull,push,delete']]);
    const beate = await curlAs(t, gatehouse, 'beate', 'password-of-beate');
    for (const path of ['/v2/green/image/manifests/v1', '/v2/green/image/tags/list']) {
      const answer = await beate(path);
      assert.equal(answer.status, 403, path);
      assert.equal(answer.json.errors[0].code, 'DENIED', path);
    }
    assert.deepEqual((await beate('/v2/_catalog')).json, { repositories: ['blue/image'] });
    await push(beate, 'blue/second', ['v1']);
  });
});

/** Pushes an image in docker's format, of one layer that no other repository has, with curl alone. */
async function push(curl: Curl, repository: string, tags: string[]) {
  const layer = noise(repository, LAYER_BYTES);
  const config = Buffer.from(JSON.stringify({ architecture: 'amd64', os: 'linux', comment: repository }));
  for (const blob of [layer, config]) {
    const opened = await curl(`/v2/${repository}/blobs/uploads/`, {
      method: 'POST',
      headers: ['Content-Length: 0'],
    });
    assert.equal(opened.status, 202, opened.body.toString());
    const { pathname, searchParams } = new URL(opened.headers.location![0]!, 'https://localhost');
    searchParams.set('digest', digestOf(blob));
    const headers = ['Content-Type: application/octet-stream'];
    const stored = await curl(`${pathname}?${searchParams}`, { method: 'PUT', headers, data: blob });
    assert.equal(stored.status, 201, stored.body.toString());
  }
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: DOCKER_MANIFEST,
      config: describeBlob(DOCKER_CONFIG, config),
      layers: [describeBlob(DOCKER_LAYER, layer)],
    }),
  );
  for (const tag of tags) {
    const headers = [`Content-Type: ${DOCKER_MANIFEST}`];
    const stored = await curl(`/v2/${repository}/manifests/${tag}`, {
      method: 'PUT',
      headers,
      data: manifest,
    });
    assert.equal(stored.status, 201, stored.body.toString());
  }
  return { manifest, digest: digestOf(manifest), layer: digestOf(layer) };
}

/** Collects until no more bytes are left than that; leases run out meanwhile. */
async function collectUntilOnDisk(gatehouse: Gatehouse, bytes: number): Promise<void> {
  const deadline = performance.now() + SPACE_TIMEOUT_MS;
  for (;;) {
    const report = JSON.parse(await gatehouse.cliOk(['gc', '--json']));
    const left = await bytesOnDisk(gatehouse);
    if (left <= bytes) return;
    if (performance.now() > deadline) assert.fail(`${left} bytes are left: ${JSON.stringify(report)}`);
    await setTimeout(500);
  }
}

function bytesOnDisk({ data }: Gatehouse): Promise<number> {
  return bytesBelow(join(data, 'blobs'));
}
