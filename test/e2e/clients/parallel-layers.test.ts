import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { before, describe, test } from 'node:test';
import { finish, openUpload, patch } from '../../registry-core/uploading.ts';
import { type Gatehouse, startGatehouse } from '../../support/gatehouse.ts';
import { request, type Target } from '../../support/http.ts';
import { noise } from '../../support/images.ts';
import {
  describeBlob,
  digestOf,
  expectStatus,
  getOk,
  OCI_CONFIG,
  OCI_LAYER,
  OCI_MANIFEST,
  pushBlob,
  pushManifest,
} from '../../support/push.ts';
import { fileScope } from '../../support/scope.ts';
import { withToken } from '../../support/token.ts';

const TEN = Array.from({ length: 10 }, (_, index) => index);
const LAYER_BYTES = 2 * 1024 * 1024;
const CHUNK_BYTES = 300_000;

// As build tools push that use no library: a connection for every request, all layers at once.
describe('a client that uploads its layers at once', () => {
  let gatehouse: Gatehouse;
  let client: Target;

  before(async () => {
    gatehouse = await startGatehouse(fileScope);
    const scopes = ['team/ten', 'team/same', 'other/same'].map((name) => `repository:${name}:pull,push`);
    client = await withToken(gatehouse, scopes.join(' '));
  });

  test('ten layers, each in chunks, make an image that comes back byte for byte', async () => {
    const repository = 'team/ten';
    const layers = TEN.map((index) => noise(`parallel ${index}`, LAYER_BYTES));
    const locations = await Promise.all(layers.map(() => openUpload(client, repository)));
    await Promise.all(
      layers.map((layer, index) => sendInChunks(client, locations[index]!, layer, index % 2 === 0)),
    );
    await Promise.all(layers.map((layer, index) => close(client, locations[index]!, layer)));
    const config = await pushConfig(client, repository);
    await pushManifest(client, repository, 'v1', image(config, layers));

    const { layers: found } = (await getOk(client, `/v2/${repository}/manifests/v1`)).json;
    const pulled = await Promise.all(
      found.map(({ digest }: { digest: string }) => getOk(client, `/v2/${repository}/blobs/${digest}`)),
    );
    for (const index of TEN) assert.ok(pulled[index].body.equals(layers[index]), `layer ${index}`);
  });

  test('the same layer and manifest, ten times at once, in two repositories: all succeed', async () => {
    const repositories = ['team/same', 'other/same'];
    const layer = noise('the same for all', LAYER_BYTES);
    const [half, rest] = [layer.subarray(0, LAYER_BYTES / 2), layer.subarray(LAYER_BYTES / 2)];
    const locations = await Promise.all(TEN.map((index) => openUpload(client, repositories[index % 2]!)));
    // Nobody ends before all have begun.
    for (const part of [half, rest]) {
      const answers = await Promise.all(locations.map((location) => patch(client, location, part)));
      for (const answer of answers) expectStatus(answer, 202, 'a chunk');
    }
    await Promise.all(locations.map((location) => close(client, location, layer)));
    const name = digestOf(layer).slice('sha256:'.length);
    const files = await readdir(join(gatehouse.data, 'blobs', 'sha256', name.slice(0, 2)));
    assert.equal(files.filter((file) => file.startsWith(name)).length, 1, files.join(' '));
    assert.deepEqual(await readdir(join(gatehouse.data, 'uploads')), []);

    for (const repository of repositories) {
      const manifest = image(await pushConfig(client, repository), [layer]);
      const digests = await Promise.all(TEN.map(() => pushManifest(client, repository, 'v1', manifest)));
      const pulled = await getOk(client, `/v2/${repository}/manifests/v1`);
      assert.deepEqual(new Set(digests), new Set([digestOf(pulled.body)]));
      const blob = await getOk(client, `/v2/${repository}/blobs/${digestOf(layer)}`);
      assert.ok(blob.body.equals(layer));
    }
  });
});

/** PATCH by PATCH with their ranges; or one PATCH of unknown length, as docker does it. */
async function sendInChunks(client: Target, location: string, layer: Buffer, withRanges: boolean) {
  const starts = Array.from(
    { length: Math.ceil(layer.length / CHUNK_BYTES) },
    (_, index) => index * CHUNK_BYTES,
  );
  const chunks = starts.map((start) => layer.subarray(start, start + CHUNK_BYTES));
  if (!withRanges) {
    const answer = await request(client, { method: 'PATCH', path: location, body: Readable.from(chunks) });
    expectStatus(answer, 202, 'a body of unknown length');
    return;
  }
  for (const [index, chunk] of chunks.entries()) {
    const start = starts[index]!;
    const answer = await patch(client, location, chunk, `${start}-${start + chunk.length - 1}`);
    expectStatus(answer, 202, 'a chunk');
    assert.equal(answer.headers.range, `0-${start + chunk.length - 1}`);
  }
}

async function close(client: Target, location: string, layer: Buffer): Promise<void> {
  expectStatus(await finish(client, location, digestOf(layer)), 201, 'closing an upload');
}

async function pushConfig(client: Target, repository: string): Promise<Buffer> {
  const config = Buffer.from(JSON.stringify({ architecture: 'amd64', os: 'linux', comment: repository }));
  await pushBlob(client, repository, config);
  return config;
}

function image(config: Buffer, layers: Buffer[]) {
  return {
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    config: describeBlob(OCI_CONFIG, config),
    layers: layers.map((layer) => describeBlob(OCI_LAYER, layer)),
  };
}
