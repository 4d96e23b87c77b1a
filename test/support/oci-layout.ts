import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import {
  type Descriptor,
  describeBlob,
  digestOf,
  OCI_CONFIG,
  OCI_EMPTY,
  OCI_INDEX,
  OCI_MANIFEST,
} from './push.ts';
import { type TarEntry, tar } from './tar.ts';

/*
 * What an OCI image layout looks like:
 *
 *   oci-layout              the version
 *   index.json              the names: tag → manifest or index
 *   blobs/sha256/<hex>      layers, configurations, manifests and indexes
 */

export interface LayoutImage {
  architecture: string;
  layers: TarEntry[][];
}

export interface LayoutArtifact {
  artifactType: string;
  content: string;
  subject?: Descriptor;
}

const GZIPPED_LAYER = 'application/vnd.oci.image.layer.v1.tar+gzip';

/** Writes a layout with one index of several platforms under one tag. Returns the index's digest. */
export async function writeOciIndex(directory: string, tag: string, images: LayoutImage[]): Promise<string> {
  await mkdir(join(directory, 'blobs', 'sha256'), { recursive: true });
  const manifests: object[] = [];
  for (const image of images) {
    const manifest = await writeImage(directory, image);
    manifests.push({ ...manifest, platform: { architecture: image.architecture, os: 'linux' } });
  }
  const index = await writeJson(directory, OCI_INDEX, { schemaVersion: 2, mediaType: OCI_INDEX, manifests });
  await name(directory, tag, index);
  return index.digest;
}

/** Writes a layout with one image under one tag. Returns the digest of its manifest. */
export async function writeOciImage(directory: string, tag: string, image: LayoutImage): Promise<string> {
  await mkdir(join(directory, 'blobs', 'sha256'), { recursive: true });
  const manifest = await writeImage(directory, image);
  await name(directory, tag, manifest);
  return manifest.digest;
}

/** Adds an artifact, by itself or of a subject, to a layout under a tag. */
export async function writeOciArtifact(
  directory: string,
  tag: string,
  artifact: LayoutArtifact,
): Promise<Descriptor> {
  const { artifactType, content, subject } = artifact;
  await mkdir(join(directory, 'blobs', 'sha256'), { recursive: true });
  const config = await writeJson(directory, OCI_EMPTY, {});
  const manifest = await writeJson(directory, OCI_MANIFEST, {
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    artifactType,
    config,
    layers: [await writeBlob(directory, artifactType, Buffer.from(content))],
    ...(subject ? { subject } : {}),
  });
  await name(directory, tag, manifest);
  return manifest;
}

async function writeImage(directory: string, { architecture, layers }: LayoutImage): Promise<Descriptor> {
  const descriptors: Descriptor[] = [];
  const diffIds: string[] = [];
  for (const entries of layers) {
    const archive = tar(entries);
    diffIds.push(digestOf(archive));
    // Clients compress a plain layer on the way, which would change its digest. Level 0 is fast.
    descriptors.push(await writeBlob(directory, GZIPPED_LAYER, gzipSync(archive, { level: 0 })));
  }
  const config = await writeJson(directory, OCI_CONFIG, {
    architecture,
    os: 'linux',
    config: { Cmd: ['/bin/busybox', 'sh'] },
    rootfs: { type: 'layers', diff_ids: diffIds },
    history: layers.map(() => ({ created_by: 'the tests' })),
  });
  return writeJson(directory, OCI_MANIFEST, {
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    config,
    layers: descriptors,
  });
}

/** Adds a name to the layout, which is made when it is not there yet. */
async function name(directory: string, tag: string, target: Descriptor): Promise<void> {
  const index = join(directory, 'index.json');
  const known = await readFile(index, 'utf8').then(JSON.parse, () => ({ schemaVersion: 2, manifests: [] }));
  const named = { ...target, annotations: { 'org.opencontainers.image.ref.name': tag } };
  await writeFile(join(directory, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
  await writeFile(index, JSON.stringify({ ...known, manifests: [...known.manifests, named] }));
}

async function writeJson(directory: string, mediaType: string, value: object): Promise<Descriptor> {
  return writeBlob(directory, mediaType, Buffer.from(JSON.stringify(value)));
}

async function writeBlob(directory: string, mediaType: string, bytes: Buffer): Promise<Descriptor> {
  const descriptor = describeBlob(mediaType, bytes);
  await writeFile(join(directory, 'blobs', 'sha256', descriptor.digest.slice('sha256:'.length)), bytes);
  return descriptor;
}
