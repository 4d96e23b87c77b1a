import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { attach, referrersOf, signWithTag } from '../../support/artifacts.ts';
import { type Gatehouse, startGatehouse } from '../../support/gatehouse.ts';
import { request, type Target } from '../../support/http.ts';
import {
  type Descriptor,
  describeBlob,
  digestOf,
  expectStatus,
  getOk,
  OCI_INDEX,
  OCI_MANIFEST,
  pushImage,
  pushManifest,
} from '../../support/push.ts';
import { fileScope } from '../../support/scope.ts';
import { withToken } from '../../support/token.ts';

const SBOM = 'application/spdx+json';
const SIGNATURE = 'application/vnd.example.signature';
const COLLECTION_TIMEOUT_MS = 60_000;

// Debian has neither oras nor cosign: these are their requests, in their order.
describe('artifacts, as oras and cosign push them', () => {
  let gatehouse: Gatehouse;

  before(async () => {
    // Untagged manifests get no rest, so what a collection leaves is held by something else.
    const env = { GATEHOUSE_GC_LEASE: '2s', GATEHOUSE_GC_UNTAGGED: '0' };
    gatehouse = await startGatehouse(fileScope, { env });
  });

  const clientOf = (repository: string) => withToken(gatehouse, `repository:${repository}:pull,push`);

  test('attached to an image: listed, filtered, pulled', async () => {
    const repository = 'team/attached';
    const client = await clientOf(repository);
    const image = await imageIn(client, repository);
    assert.deepEqual(await referrersOf(client, repository, image), []);
    const annotations = { 'org.opencontainers.image.created': '2026-01-01T00:00:00Z' };
    const sbom = await attach(client, repository, image, SBOM, annotations);
    const signature = await attach(client, repository, image, SIGNATURE);
    const ofSbom = await attach(client, repository, sbom, SIGNATURE);

    const expected = [
      { ...sbom, artifactType: SBOM, annotations },
      { ...signature, artifactType: SIGNATURE },
    ];
    assert.deepEqual(await referrersOf(client, repository, image), expected.sort(byDigest));
    assert.deepEqual(await referrersOf(client, repository, image, SBOM), [expected.find(isOf(sbom))]);
    assert.deepEqual(await referrersOf(client, repository, image, 'application/vnd.example.none'), []);
    const [next] = await referrersOf(client, repository, sbom);
    assert.deepEqual(next, { ...ofSbom, artifactType: SIGNATURE });

    const pulled = await getOk(client, `/v2/${repository}/manifests/${sbom.digest}`);
    assert.equal(digestOf(pulled.body), sbom.digest);
    const [layer] = pulled.json.layers;
    const blob = await getOk(client, `/v2/${repository}/blobs/${layer.digest}`);
    assert.equal(digestOf(blob.body), layer.digest);
  });

  test('referrers live while their subject lives, and a signature that has a tag lives on', async () => {
    const repository = 'team/collected';
    const client = await clientOf(repository);
    const image = await imageIn(client, repository);
    const tag = `${image.digest.replace(':', '-')}.sig`;
    const signed = await signWithTag(client, repository, image, tag);
    const sbom = await attach(client, repository, image, SBOM);
    const ofSbom = await attach(client, repository, sbom, SIGNATURE);
    // cosign's signature names no subject, it is found by its tag.
    assert.deepEqual(await referrersOf(client, repository, image), [{ ...sbom, artifactType: SBOM }]);

    // Attached last to an image that is not there, so the last one to lose its lease.
    const absent = { ...image, digest: digestOf('an image that never comes') };
    await attach(client, repository, absent, SBOM);
    await collectUntil(gatehouse, async () => (await referrersOf(client, repository, absent)).length === 0);
    assert.equal((await referrersOf(client, repository, image)).length, 1);
    assert.equal((await referrersOf(client, repository, sbom)).length, 1);

    const path = `/v2/${repository}/manifests`;
    const method = 'DELETE';
    expectStatus(await request(gatehouse, { method, path: `${path}/${image.digest}` }), 202, 'deleting');
    await collectUntil(gatehouse, async () => (await referrersOf(client, repository, sbom)).length === 0);
    assert.deepEqual(await referrersOf(client, repository, image), []);
    for (const { digest } of [sbom, ofSbom]) {
      expectStatus(await request(client, { path: `${path}/${digest}` }), 404, 'a referrer');
    }
    const left = await getOk(client, `${path}/${tag}`);
    assert.equal(left.headers['docker-content-digest'], signed);
    await getOk(client, `/v2/${repository}/blobs/${left.json.layers[0].digest}`);
  });

  test('a list of referrers under a tag, for registries without the API, is an index like others', async () => {
    const repository = 'team/fallback';
    const client = await clientOf(repository);
    const image = await imageIn(client, repository);
    const sbom = { ...(await attach(client, repository, image, SBOM)), artifactType: SBOM };
    const index = { schemaVersion: 2, mediaType: OCI_INDEX, manifests: [sbom] };
    const tag = image.digest.replace(':', '-');
    const digest = await pushManifest(client, repository, tag, index);
    const pulled = await getOk(client, `/v2/${repository}/manifests/${tag}`);
    assert.equal(pulled.headers['docker-content-digest'], digest);
    assert.deepEqual(pulled.json, index);
    assert.deepEqual(await referrersOf(client, repository, image), [sbom]);
  });
});

async function imageIn(client: Target, repository: string): Promise<Descriptor> {
  const { manifest } = await pushImage(client, repository, 'v1', { layers: [`the layer of ${repository}`] });
  return describeBlob(OCI_MANIFEST, manifest);
}

async function collectUntil(gatehouse: Gatehouse, isDone: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + COLLECTION_TIMEOUT_MS;
  for (;;) {
    const report = await gatehouse.cliOk(['gc', '--json']);
    if (await isDone()) return;
    if (performance.now() > deadline) assert.fail(`nothing was collected: ${report}`);
    await setTimeout(200);
  }
}

const byDigest = (a: Descriptor, b: Descriptor) => (a.digest < b.digest ? -1 : 1);
const isOf = (wanted: Descriptor) => (found: Descriptor) => found.digest === wanted.digest;
