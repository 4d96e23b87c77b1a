import { createHash } from 'node:crypto';
import type { Server } from '../servers/server.ts';
import { type Client, pathOf } from './client.ts';

export interface Blob {
  digest: string;
  pieces: readonly Buffer[];
}

export interface Image {
  blobs: readonly Blob[];
  manifest: Buffer;
}

export function blobOf(...pieces: Buffer[]): Blob {
  const hash = createHash('sha256');
  for (const piece of pieces) hash.update(piece);
  return { digest: `sha256:${hash.digest('hex')}`, pieces };
}

function sizeOf({ pieces }: Blob): number {
  return pieces.reduce((sum, piece) => sum + piece.length, 0);
}

export function imageOf(config: Blob, layers: readonly Blob[]): Image {
  const describe = (kind: string) => (blob: Blob) => ({
    mediaType: `application/vnd.oci.image.${kind}`,
    digest: blob.digest,
    size: sizeOf(blob),
  });
  const manifest = {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: describe('config.v1+json')(config),
    layers: layers.map(describe('layer.v1.tar')),
  };
  return { blobs: [config, ...layers], manifest: Buffer.from(JSON.stringify(manifest)) };
}

/** As docker pushes a layer: POST, PATCH with the bytes, PUT. */
export async function pushBlob(
  client: Client,
  server: Server,
  repository: string,
  blob: Blob,
): Promise<void> {
  const opened = await client.send('POST', `/v2/${repository}/blobs/uploads/`, 202);
  const upload = pathOf(opened.headers.location!, server);
  const sent = await client.send('PATCH', upload.pathname + upload.search, 202, {
    headers: { 'content-type': 'application/octet-stream' },
    body: blob.pieces,
  });
  const end = pathOf(sent.headers.location!, server);
  end.searchParams.set('digest', blob.digest);
  const { headers } = await client.send('PUT', end.pathname + end.search, 201);
  const stored = headers['docker-content-digest'];
  if (stored !== blob.digest) throw new Error(`${server.name} stored ${stored} in place of ${blob.digest}`);
}

/** As docker pushes an image that the registry does not have: HEAD, POST, PATCH, PUT of each blob, then the manifest. */
export async function pushImage(
  client: Client,
  server: Server,
  repository: string,
  tag: string,
  image: Image,
): Promise<void> {
  for (const blob of image.blobs) {
    await client.send('HEAD', `/v2/${repository}/blobs/${blob.digest}`, 404);
    await pushBlob(client, server, repository, blob);
  }
  await client.send('PUT', `/v2/${repository}/manifests/${tag}`, 201, {
    headers: { 'content-type': 'application/vnd.oci.image.manifest.v1+json' },
    body: [image.manifest],
  });
}
