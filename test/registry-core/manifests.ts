import { type Answer, request, type Target } from '../support/http.ts';
import {
  type Descriptor,
  describeBlob,
  OCI_CONFIG,
  OCI_INDEX,
  OCI_LAYER,
  OCI_MANIFEST,
  pushBlob,
} from '../support/push.ts';

export const artifactType = 'application/vnd.example.sbom.v1+json';
/** The config of what is no image: two bytes that every artifact shares (image-spec "Guidance for an Empty Descriptor"). */
export const emptyConfig = describeBlob('application/vnd.oci.empty.v1+json', Buffer.from('{}'));

type Fields = Record<string, unknown>;

export function image(config: Descriptor, layers: object[] = [], fields: Fields = {}): Buffer {
  return Buffer.from(
    JSON.stringify({ schemaVersion: 2, mediaType: OCI_MANIFEST, config, layers, ...fields }),
  );
}

/** A manifest that refers to nothing: an index without entries. */
export function artifact(fields: Fields = {}): Buffer {
  return index([], fields);
}

export function index(manifests: object[], fields: Fields = {}): Buffer {
  return Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests, ...fields }));
}

export function describe(manifest: Buffer): Descriptor {
  return describeBlob(JSON.parse(manifest.toString()).mediaType, manifest);
}

/** Pushes a config and a layer of its own and hands back the manifest of both, not pushed. */
export async function imageOf(target: Target, repository: string, text: string, fields: Fields = {}) {
  const config = Buffer.from(JSON.stringify({ text }));
  const layer = Buffer.from(`layer of ${text}`);
  for (const blob of [config, layer]) await pushBlob(target, repository, blob);
  return image(describeBlob(OCI_CONFIG, config), [describeBlob(OCI_LAYER, layer)], fields);
}

export function putManifest(
  target: Target,
  repository: string,
  reference: string,
  body: string | Buffer,
  contentType?: string,
): Promise<Answer> {
  const type = contentType ?? JSON.parse(body.toString()).mediaType;
  return request(target, {
    method: 'PUT',
    path: `/v2/${repository}/manifests/${reference}`,
    headers: { ...target.headers, ...(type ? { 'content-type': type } : {}) },
    body,
  });
}

export function getManifest(target: Target, repository: string, reference: string): Promise<Answer> {
  return request(target, { path: `/v2/${repository}/manifests/${reference}` });
}

export function deleteManifest(target: Target, repository: string, reference: string): Promise<Answer> {
  return request(target, { method: 'DELETE', path: `/v2/${repository}/manifests/${reference}` });
}
