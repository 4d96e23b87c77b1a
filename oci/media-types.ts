/** Media types that Gatehouse stores as manifests; anything else is refused at PUT. */
export const mediaTypes = {
  ociManifest: 'application/vnd.oci.image.manifest.v1+json',
  ociIndex: 'application/vnd.oci.image.index.v1+json',
  ociArtifact: 'application/vnd.oci.artifact.manifest.v1+json',
  dockerManifest: 'application/vnd.docker.distribution.manifest.v2+json',
  dockerList: 'application/vnd.docker.distribution.manifest.list.v2+json',
} as const;

export type ManifestKind = 'image' | 'index' | 'artifact';

const kinds = new Map<string, ManifestKind>([
  [mediaTypes.ociManifest, 'image'],
  [mediaTypes.dockerManifest, 'image'],
  [mediaTypes.ociIndex, 'index'],
  [mediaTypes.dockerList, 'index'],
  [mediaTypes.ociArtifact, 'artifact'],
]);

export const manifestMediaTypes: readonly string[] = [...kinds.keys()];

export function manifestKind(mediaType: string): ManifestKind | undefined {
  return kinds.get(mediaType);
}

/**
 * Layers and the cache configuration of BuildKit, which before 0.21 made an index of blobs of its cache. Any other type
 * in an index may be that of a manifest.
 */
export function isBlobMediaType(mediaType: string): boolean {
  return /^application\/vnd\.(oci\.image\.layer|docker\.image\.rootfs|buildkit\.cacheconfig)\./.test(
    mediaType,
  );
}

/** Docker image manifest schema 1: signed or not, long deprecated, refused with advice. */
export function isSchema1(mediaType: string): boolean {
  return /^application\/vnd\.docker\.distribution\.manifest\.v1\+(json|prettyjws)$/.test(mediaType);
}

/** The type without its parameters, in lower case (RFC 9110 section 8.3.1). */
export function bareMediaType(contentType: string): string {
  return (contentType.split(';', 1)[0] ?? '').trim().toLowerCase();
}

/** @param contentType as a header has it. */
export function isIndexType(contentType: string | undefined): boolean {
  return contentType !== undefined && manifestKind(bareMediaType(contentType)) === 'index';
}
