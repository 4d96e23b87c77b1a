import assert from 'node:assert/strict';
import { type Answer, request, type Target } from '../support/http.ts';
import {
  type Descriptor,
  describeBlob,
  digestOf,
  expectStatus,
  OCI_CONFIG,
  OCI_INDEX,
  OCI_LAYER,
  OCI_MANIFEST,
  withParameter,
} from '../support/push.ts';
import type { Child, Recipe } from './soak-recipes.ts';

/** Pushes as clients do: what is there is skipped, what another repository has is mounted. */
export async function push(target: Target, recipe: Recipe, mountFrom: string): Promise<void> {
  const { repository, children } = recipe;
  for (const child of children) {
    if (await exists(target, `/v2/${repository}/manifests/${digestOf(child.manifest)}`)) continue;
    await pushChild(target, repository, child, mountFrom, digestOf(child.manifest));
  }
  await pushChild(target, repository, recipe, mountFrom, recipe.tag);
  for (const referrer of recipe.referrers) {
    await pushChild(target, repository, referrer, mountFrom, digestOf(referrer.manifest));
  }
}

async function pushChild(
  target: Target,
  repository: string,
  { blobs, manifest }: Child,
  mountFrom: string,
  reference: string,
): Promise<void> {
  for (const blob of blobs) {
    if (await exists(target, `/v2/${repository}/blobs/${digestOf(blob)}`)) continue;
    await mountOrUpload(target, repository, blob, mountFrom);
  }
  const path = `/v2/${repository}/manifests/${reference}`;
  const headers = { 'content-type': JSON.parse(manifest.toString()).mediaType };
  expectStatus(await request(target, { method: 'PUT', path, headers, body: manifest }), 201, path);
}

async function exists(target: Target, path: string): Promise<boolean> {
  const { status } = await request(target, { method: 'HEAD', path });
  assert.ok(status === 200 || status === 404, `HEAD ${path}: ${status}`);
  return status === 200;
}

async function mountOrUpload(
  target: Target,
  repository: string,
  blob: Buffer,
  mountFrom: string,
): Promise<void> {
  const digest = digestOf(blob);
  const uploads = `/v2/${repository}/blobs/uploads/`;
  const opened = await request(target, {
    method: 'POST',
    path: `${uploads}?mount=${digest}&from=${mountFrom}`,
  });
  if (opened.status === 201) return;
  expectStatus(opened, 202, `mounting ${digest}`);
  const path = withParameter(opened.headers.location!, 'digest', digest);
  expectStatus(await request(target, { method: 'PUT', path, body: blob }), 201, `uploading ${digest}`);
}

export async function retag(target: Target, { repository, manifest }: Recipe, tag: string): Promise<void> {
  const path = `/v2/${repository}/manifests/${tag}`;
  const headers = { 'content-type': JSON.parse(manifest.toString()).mediaType };
  expectStatus(await request(target, { method: 'PUT', path, headers, body: manifest }), 201, path);
}

/** Pulls a manifest with all that belongs to it and compares every byte. */
export async function pull(target: Target, recipe: Recipe): Promise<void> {
  const { repository, children, referrers, manifest } = recipe;
  for (const part of [recipe, ...children, ...referrers]) {
    await pullExactly(target, `/v2/${repository}/manifests/${digestOf(part.manifest)}`, part.manifest);
    for (const blob of part.blobs) {
      await pullExactly(target, `/v2/${repository}/blobs/${digestOf(blob)}`, blob);
    }
  }
  if (referrers.length === 0) return;
  const list = await request(target, { path: `/v2/${repository}/referrers/${digestOf(manifest)}` });
  const listed = list.json.manifests.map(({ digest }: Descriptor) => digest);
  assert.deepEqual(listed.sort(), referrers.map((referrer) => digestOf(referrer.manifest)).sort());
}

async function pullExactly(target: Target, path: string, content: Buffer): Promise<void> {
  const answer: Answer = await request(target, { path });
  expectStatus(answer, 200, `pulling ${path}`);
  assert.ok(answer.body.equals(content), `${path} has other bytes`);
}

export async function remove(target: Target, { repository, manifest }: Recipe): Promise<void> {
  const path = `/v2/${repository}/manifests/${digestOf(manifest)}`;
  expectStatus(await request(target, { method: 'DELETE', path }), 202, `deleting ${path}`);
}

export function imageManifest(config: Buffer, layers: Buffer[], subject?: Descriptor): Buffer {
  return Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: OCI_MANIFEST,
      config: describeBlob(OCI_CONFIG, config),
      layers: layers.map((layer) => describeBlob(OCI_LAYER, layer)),
      ...(subject ? { subject } : {}),
    }),
  );
}

export function indexManifest(children: Buffer[], comment: string): Buffer {
  const manifests = children.map((child) => describeBlob(OCI_MANIFEST, child));
  return Buffer.from(
    JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests, annotations: { comment } }),
  );
}
