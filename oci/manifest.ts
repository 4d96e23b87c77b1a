import { type Digest, parseDigest } from './digest.ts';
import { OciError } from './errors.ts';
import {
  bareMediaType,
  isSchema1,
  type ManifestKind,
  manifestKind,
  manifestMediaTypes,
} from './media-types.ts';

/** Limit of a manifest's bytes; the specification asks for at least 4 MiB. */
export const maxManifestBytes = 4 * 1024 * 1024;
const maxDescriptors = 20_000;

/** What a manifest refers to, as far as a registry cares. */
export interface ParsedManifest {
  mediaType: string;
  kind: ManifestKind;
  /** Blobs that must be in the repository, each once. Non-distributable layers (with `urls`) are not among them. */
  blobs: Digest[];
  /** Manifests that an index lists, each once. */
  children: Digest[];
  subject: Digest | undefined;
  /** `artifactType` of the manifest, else the config's media type for an image (spec "Listing Referrers"). */
  artifactType: string | undefined;
  annotations: Record<string, string> | undefined;
}

type Json = Record<string, unknown>;

/**
 * Reads the bytes of a manifest. Unknown fields are left alone.
 * @param contentType the request's Content-Type; may be absent when the manifest has a `mediaType`.
 * @throws OciError MANIFEST_INVALID, SIZE_INVALID (413) or UNSUPPORTED (schema 1).
 */
export function parseManifest(bytes: Uint8Array, contentType: string | undefined): ParsedManifest {
  if (bytes.length > maxManifestBytes) {
    throw new OciError('SIZE_INVALID', {
      status: 413,
      message: `a manifest may have at most ${maxManifestBytes} bytes`,
      detail: { maxManifestBytes },
    });
  }
  const json = parseObject(bytes);
  const mediaType = decideMediaType(json, contentType);
  const kind = manifestKind(mediaType) ?? refuseType(mediaType);
  if (kind !== 'artifact' && json['schemaVersion'] !== 2) throw invalid('schemaVersion must be 2');
  checkOneKind(json, kind);
  const config = kind === 'image' ? descriptor(json['config'], 'config') : undefined;
  const blobs = kind === 'image' ? imageBlobs(json, config!) : artifactBlobs(json, kind);
  const children =
    kind === 'index' ? descriptors(json['manifests'], 'manifests').map((entry) => entry.digest) : [];
  return {
    mediaType,
    kind,
    blobs: [...new Set(blobs)],
    children: [...new Set(children)],
    subject: json['subject'] == null ? undefined : descriptor(json['subject'], 'subject').digest,
    artifactType: optionalText(json['artifactType'], 'artifactType') || config?.mediaType || undefined,
    annotations: annotationsOf(json['annotations']),
  };
}

/** What one client reads as an image and another as an index deceives one of them (CVE-2021-41190). */
function checkOneKind(json: Json, kind: ManifestKind): void {
  const foreign = kind === 'index' ? ['layers', 'config'] : ['manifests'];
  const found = foreign.filter((field) => json[field] !== undefined);
  if (found.length > 0) throw invalid(`an ${kind} manifest has no ${found.join(' and ')}`, { fields: found });
}

function parseObject(bytes: Uint8Array): Json {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new OciError('MANIFEST_INVALID', { message: 'manifest is not JSON in UTF-8', cause });
  }
  if (!isObject(value)) throw invalid('a manifest is a JSON object');
  return value;
}

function decideMediaType(json: Json, contentType: string | undefined): string {
  const declared = optionalText(json['mediaType'], 'mediaType');
  const header = contentType === undefined ? '' : bareMediaType(contentType);
  if (isSchema1(header) || json['schemaVersion'] === 1) {
    throw new OciError('UNSUPPORTED', {
      status: 400,
      message:
        'Docker image manifest schema 1 is not accepted; push with a client of 2016 or later (schema 2 or OCI)',
    });
  }
  if (declared && header && declared !== header) {
    throw invalid('the manifest’s mediaType differs from the Content-Type', {
      mediaType: declared.slice(0, 255),
      contentType: header.slice(0, 255),
    });
  }
  return declared || header;
}

function refuseType(mediaType: string): never {
  throw invalid('not a manifest type that this registry stores', {
    mediaType: mediaType.slice(0, 255),
    supported: manifestMediaTypes,
  });
}

function imageBlobs(json: Json, config: Descriptor): Digest[] {
  const layers = descriptors(json['layers'], 'layers').filter((layer) => !layer.foreign);
  return [config.digest, ...layers.map((layer) => layer.digest)];
}

function artifactBlobs(json: Json, kind: ManifestKind): Digest[] {
  return kind === 'artifact' ? descriptors(json['blobs'], 'blobs').map((entry) => entry.digest) : [];
}

interface Descriptor {
  digest: Digest;
  mediaType: string;
  /** A non-distributable layer: its bytes live at its `urls` and need not be pushed. */
  foreign: boolean;
}

function descriptors(value: unknown, field: string): Descriptor[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw invalid(`${field} must be a list of descriptors`);
  if (value.length > maxDescriptors) throw invalid(`${field} may have at most ${maxDescriptors} entries`);
  return value.map((entry, index) => descriptor(entry, `${field}[${index}]`));
}

function descriptor(value: unknown, field: string): Descriptor {
  if (!isObject(value)) throw invalid(`${field} must be a descriptor`);
  const size = value['size'];
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) {
    throw invalid(`${field}.size must be a number of bytes`);
  }
  if (typeof value['digest'] !== 'string') throw invalid(`${field}.digest must be a digest`);
  const mediaType = optionalText(value['mediaType'], `${field}.mediaType`) ?? '';
  const urls = value['urls'];
  const foreign = isForeign(mediaType) && Array.isArray(urls) && urls.length > 0;
  return { digest: descriptorDigest(value['digest'], field), mediaType, foreign };
}

function descriptorDigest(text: string, field: string): Digest {
  try {
    return parseDigest(text);
  } catch (cause) {
    throw invalid(`${field}.digest: ${(cause as Error).message}`, { digest: text.slice(0, 255) });
  }
}

function isForeign(mediaType: string): boolean {
  return mediaType.includes('.nondistributable.') || mediaType.includes('.foreign.');
}

function annotationsOf(value: unknown): Record<string, string> | undefined {
  if (value === undefined || value === null) return undefined;
  if (!isObject(value)) throw invalid('annotations must be an object of strings');
  const entries = Object.entries(value);
  if (entries.some(([, text]) => typeof text !== 'string'))
    throw invalid('annotations must be an object of strings');
  return Object.fromEntries(entries) as Record<string, string>;
}

function optionalText(value: unknown, field: string): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'string') throw invalid(`${field} must be a string`);
  return value;
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function invalid(message: string, detail?: unknown): OciError {
  return new OciError('MANIFEST_INVALID', { message, detail });
}
