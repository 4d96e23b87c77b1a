import assert from 'node:assert/strict';
import { request, type Target } from './http.ts';
import {
  type Descriptor,
  describeBlob,
  digestOf,
  expectStatus,
  getOk,
  OCI_CONFIG,
  OCI_EMPTY,
  OCI_INDEX,
  OCI_MANIFEST,
  pushBlob,
  pushManifest,
} from './push.ts';

/** Like `oras attach`: what is there is not uploaded, the manifest goes by digest. */
export async function attach(
  client: Target,
  repository: string,
  subject: Descriptor,
  artifactType: string,
  annotations?: Record<string, string>,
): Promise<Descriptor> {
  const content = Buffer.from(`${artifactType} of ${subject.digest}`);
  const config = Buffer.from('{}');
  for (const blob of [content, config]) {
    const path = `/v2/${repository}/blobs/${digestOf(blob)}`;
    const { status } = await request(client, { method: 'HEAD', path });
    if (status === 404) await pushBlob(client, repository, blob);
    else assert.equal(status, 200);
  }
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: OCI_MANIFEST,
      artifactType,
      config: { ...describeBlob(OCI_EMPTY, config), data: config.toString('base64') },
      layers: [{ ...describeBlob(artifactType, content), annotations: { 'org.example.file': 'content' } }],
      subject,
      annotations,
    }),
  );
  const descriptor = describeBlob(OCI_MANIFEST, manifest);
  const path = `/v2/${repository}/manifests/${descriptor.digest}`;
  expectStatus(await request(client, { method: 'HEAD', path }), 404, 'is it there');
  const headers = { 'content-type': OCI_MANIFEST };
  const stored = await request(client, { method: 'PUT', path, headers, body: manifest });
  expectStatus(stored, 201, `attaching to ${subject.digest}`);
  // Without this header oras writes a list of referrers under a tag.
  assert.equal(stored.headers['oci-subject'], subject.digest);
  return descriptor;
}

/** Like `cosign sign`: an image of its own under a tag, with the signature in the annotation of a layer. */
export async function signWithTag(
  client: Target,
  repository: string,
  { digest }: Descriptor,
  tag: string,
): Promise<string> {
  const payload = Buffer.from(JSON.stringify({ critical: { image: { 'docker-manifest-digest': digest } } }));
  const config = Buffer.from(JSON.stringify({ rootfs: { type: 'layers', diff_ids: [digestOf(payload)] } }));
  for (const blob of [payload, config]) await pushBlob(client, repository, blob);
  const annotations = { 'dev.cosignproject.cosign/signature': 'MEUCIQ==' };
  return pushManifest(client, repository, tag, {
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    config: describeBlob(OCI_CONFIG, config),
    layers: [{ ...describeBlob('application/vnd.dev.cosign.simplesigning.v1+json', payload), annotations }],
  });
}

/** What the API of referrers lists, and that it says so when it filtered. */
export async function referrersOf(
  client: Target,
  repository: string,
  { digest }: Descriptor,
  artifactType?: string,
): Promise<Descriptor[]> {
  const query = artifactType === undefined ? '' : `?artifactType=${encodeURIComponent(artifactType)}`;
  const answer = await getOk(client, `/v2/${repository}/referrers/${digest}${query}`);
  assert.equal(answer.headers['content-type'], OCI_INDEX);
  assert.equal(
    answer.headers['oci-filters-applied'],
    artifactType === undefined ? undefined : 'artifactType',
  );
  return answer.json.manifests;
}
