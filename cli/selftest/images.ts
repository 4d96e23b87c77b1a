import { createHash } from 'node:crypto';

const types = {
  image: 'application/vnd.oci.image.manifest.v1+json',
  index: 'application/vnd.oci.image.index.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar',
};

/** A manifest, and the blobs that it refers to. */
export interface Part {
  digest: string;
  mediaType: string;
  manifest: Buffer;
  blobs: readonly Blob[];
}

export interface Blob {
  digest: string;
  bytes: Buffer;
}

/** What is pushed and deleted as one: always the same bytes, so that it can be pushed again. */
export interface Image extends Part {
  repository: string;
  tag: string;
  /** Of an index, and pushed before it. */
  children: readonly Part[];
  /** Signatures, pushed after it. */
  referrers: readonly Part[];
}

export const repositories = ['selftest/one', 'selftest/two', 'selftest/three'];

const layerCount = 48;

/**
 * Images, every fourth with a signature, and indexes of two platforms. They share layers across repositories, and
 * neighbouring indexes of a repository share a child, so that nearly everything is held more than once.
 */
export function makeImages(count: number): Image[] {
  const layers = Array.from({ length: layerCount }, (_, index) => blob(noise(index, 2000 + 37 * index)));
  const pick = (number: number) => [layers[number % layerCount]!, layers[(number * 7 + 3) % layerCount]!];
  return Array.from({ length: count }, (_, index) => {
    const repository = repositories[index % repositories.length]!;
    const rest = { repository, tag: `v${index}` };
    if (index % 2 === 0) {
      const image = makePart({ image: index }, pick(index));
      const referrers = index % 4 === 0 ? [makePart({ signs: index }, [pick(index * 3)[0]!], image)] : [];
      return { ...image, ...rest, children: [], referrers };
    }
    const group = Math.floor(index / (2 * repositories.length));
    const children = [group, group + 1].map((number) =>
      makePart({ platform: number, repository }, pick(number + 7)),
    );
    return { ...makeIndex(children, index), ...rest, children, referrers: [] };
  });
}

/** Everything that can be pulled of an image. */
export function partsOf(image: Image): readonly Part[] {
  return [image, ...image.children, ...image.referrers];
}

/** Every blob that the images have, by digest. */
export function blobsOf(images: readonly Image[]): Map<string, Buffer> {
  const parts = images.flatMap(partsOf);
  return new Map(parts.flatMap((part) => part.blobs.map(({ digest, bytes }) => [digest, bytes] as const)));
}

export function digestOf(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

function makePart(config: object, layers: readonly Blob[], subject?: Part): Part {
  const configBlob = blob(Buffer.from(JSON.stringify({ architecture: 'amd64', os: 'linux', ...config })));
  return describe(types.image, [configBlob, ...layers], {
    config: descriptor(types.config, configBlob.bytes),
    layers: layers.map(({ bytes }) => descriptor(types.layer, bytes)),
    ...(subject ? { subject: descriptor(subject.mediaType, subject.manifest) } : {}),
  });
}

function makeIndex(children: readonly Part[], number: number): Part {
  const manifests = children.map((child) => descriptor(child.mediaType, child.manifest));
  return describe(types.index, [], { manifests, annotations: { number: String(number) } });
}

function describe(mediaType: string, blobs: readonly Blob[], fields: object): Part {
  const manifest = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, ...fields }));
  return { digest: digestOf(manifest), mediaType, manifest, blobs };
}

function descriptor(mediaType: string, bytes: Buffer) {
  return { mediaType, digest: digestOf(bytes), size: bytes.length };
}

function blob(bytes: Buffer): Blob {
  return { digest: digestOf(bytes), bytes };
}

/** The same bytes for the same seed, and no two alike. */
function noise(seed: number, length: number): Buffer {
  const blocks = Array.from({ length: Math.ceil(length / 32) }, (_, index) =>
    createHash('sha256').update(`selftest ${seed} ${index}`).digest(),
  );
  return Buffer.concat(blocks, length);
}
