import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { type Answer, request, type Target } from './http.ts';

export const OCI_MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
export const OCI_INDEX = 'application/vnd.oci.image.index.v1+json';
export const OCI_CONFIG = 'application/vnd.oci.image.config.v1+json';
export const OCI_EMPTY = 'application/vnd.oci.empty.v1+json';
export const OCI_LAYER = 'application/vnd.oci.image.layer.v1.tar';
export const DOCKER_MANIFEST = 'application/vnd.docker.distribution.manifest.v2+json';
export const DOCKER_INDEX = 'application/vnd.docker.distribution.manifest.list.v2+json';
export const DOCKER_CONFIG = 'application/vnd.docker.container.image.v1+json';
export const DOCKER_LAYER = 'application/vnd.docker.image.rootfs.diff.tar.gzip';

export interface Descriptor {
  mediaType: string;
  digest: string;
  size: number;
}

export interface PushedImage {
  digest: string;
  manifest: Buffer;
  config: Descriptor;
  layers: Descriptor[];
}

export function digestOf(bytes: string | Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

export function describeBlob(mediaType: string, bytes: Buffer): Descriptor {
  return { mediaType, digest: digestOf(bytes), size: bytes.length };
}

/** Uploads a blob in one piece (POST, then PUT) and returns its digest. */
export async function pushBlob(target: Target, repository: string, bytes: string | Buffer): Promise<string> {
  const digest = digestOf(bytes);
  const opened = await request(target, { method: 'POST', path: `/v2/${repository}/blobs/uploads/` });
  expectStatus(opened, 202, `opening an upload in ${repository}`);
  const stored = await request(target, {
    method: 'PUT',
    path: withParameter(opened.headers.location!, 'digest', digest),
    headers: { 'content-type': 'application/octet-stream' },
    body: bytes,
  });
  expectStatus(stored, 201, `uploading ${digest} to ${repository}`);
  return digest;
}

/** Stores a manifest, given as bytes or as an object, and returns its digest. */
export async function pushManifest(
  target: Target,
  repository: string,
  reference: string,
  manifest: object | Buffer,
): Promise<string> {
  const body = Buffer.isBuffer(manifest) ? manifest : Buffer.from(JSON.stringify(manifest));
  const answer = await request(target, {
    method: 'PUT',
    path: `/v2/${repository}/manifests/${reference}`,
    headers: { 'content-type': JSON.parse(body.toString()).mediaType ?? OCI_MANIFEST },
    body,
  });
  expectStatus(answer, 201, `storing the manifest ${repository}:${reference}`);
  return digestOf(body);
}

/** Pushes a whole image whose layers are the given bytes; nothing ever runs it. */
export async function pushImage(
  target: Target,
  repository: string,
  tag: string,
  {
    layers = ['one layer'] as Array<string | Buffer>,
    platform = { architecture: 'amd64', os: 'linux' },
  } = {},
): Promise<PushedImage> {
  const blobs = layers.map((layer) => Buffer.from(layer));
  const diffIds = blobs.map(digestOf);
  const config = Buffer.from(JSON.stringify({ ...platform, rootfs: { type: 'layers', diff_ids: diffIds } }));
  for (const blob of [...blobs, config]) await pushBlob(target, repository, blob);
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: OCI_MANIFEST,
      config: describeBlob(OCI_CONFIG, config),
      layers: blobs.map((blob) => describeBlob(OCI_LAYER, blob)),
    }),
  );
  const digest = await pushManifest(target, repository, tag, manifest);
  const parsed = JSON.parse(manifest.toString());
  return { digest, manifest, config: parsed.config, layers: parsed.layers };
}

/** The path of a Location header, which may be relative or absolute, with one parameter more. */
export function withParameter(location: string, name: string, value: string): string {
  const url = new URL(location, 'http://relative');
  url.searchParams.set(name, value);
  return url.pathname + url.search;
}

export function expectStatus(answer: Answer, status: number, doing: string): void {
  assert.equal(answer.status, status, `${doing}: ${answer.status} ${answer.text.slice(0, 500)}`);
}

/** GET that must succeed. */
export async function getOk(target: Target, path: string): Promise<Answer> {
  const answer = await request(target, { path });
  expectStatus(answer, 200, path);
  return answer;
}
