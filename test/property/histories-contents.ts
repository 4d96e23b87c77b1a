import { artifact, emptyConfig, image, index } from '../registry-core/manifests.ts';
import { describeBlob, digestOf, OCI_CONFIG, OCI_LAYER, OCI_MANIFEST } from '../support/push.ts';
import type { Manifest } from './histories-model.ts';

export const repositoryNames = ['a', 'b/c'] as const;
export const tagNames = ['latest', 'old'] as const;

/** Few of them, so that histories meet each other; the first is what every artifact has for a config. */
export const blobs: readonly Buffer[] = [
  Buffer.from('{}'),
  ...[1, 2, 3].map((number) => Buffer.alloc(number * 1000, `blob ${number} `)),
];

export const blobDigests = blobs.map(digestOf);

export function imageOf(config: number, layers: readonly number[]): Manifest {
  const parts = layers.map((layer) => describeBlob(OCI_LAYER, blobs[layer]!));
  const content = image(describeBlob(OCI_CONFIG, blobs[config]!), parts);
  return known(content, [config, ...layers], [], undefined);
}

export function indexOf(children: readonly Manifest[]): Manifest {
  const content = index(children.map((child) => describeBlob(mediaTypeOf(child), child.content)));
  return known(content, [], children, undefined);
}

/** A signature or an SBOM: an artifact of one blob whose subject need not be there. */
export function referrerOf(subject: Manifest, layer: number): Manifest {
  const fields = {
    subject: describeBlob(mediaTypeOf(subject), subject.content),
    artifactType: 'application/x.sbom',
  };
  const content = image(emptyConfig, [describeBlob('application/x.sbom', blobs[layer]!)], fields);
  return known(content, [0, layer], [], subject.digest);
}

/** An artifact that refers to nothing. */
export function artifactOf(number: number): Manifest {
  return known(artifact({ annotations: { number: String(number) } }), [], [], undefined);
}

export function mediaTypeOf({ content }: Manifest): string {
  return JSON.parse(content.toString()).mediaType ?? OCI_MANIFEST;
}

function known(
  content: Buffer,
  parts: readonly number[],
  children: readonly Manifest[],
  subject: string | undefined,
): Manifest {
  return {
    digest: digestOf(content),
    content,
    blobs: [...new Set(parts.map((part) => blobDigests[part]!))],
    children: [...new Set(children.map(({ digest }) => digest))],
    subject,
  };
}
