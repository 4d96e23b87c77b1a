import {
  type Descriptor,
  invalidManifest,
  isObject,
  type Json,
  optionalMediaType,
  optionalText,
  readDescriptor,
  readDescriptors,
} from './descriptor.ts';
import type { Digest } from './digest.ts';
import { OciError } from './errors.ts';
import { checkJsonShape } from './json-shape.ts';
import {
  bareMediaType,
  isBlobMediaType,
  isSchema1,
  type ManifestKind,
  manifestKind,
  manifestMediaTypes,
} from './media-types.ts';

/** Limit of a manifest's bytes; the specification asks for at least 4 MiB. */
export const maxManifestBytes = 4 * 1024 * 1024;

const entryFields = { image: 'layers', index: 'manifests', artifact: 'blobs' } as const;

/** What a manifest refers to, as far as a registry cares. */
export interface ParsedManifest {
  mediaType: string;
  kind: ManifestKind;
  /** Blobs that it refers to, each once. */
  blobs: Digest[];
  /** Of `blobs` those that need not be in the repository: its non-distributable layers. */
  elsewhere: Digest[];
  /** Manifests that an index lists, each once; layers that it lists are among `blobs`. */
  children: Digest[];
  subject: Digest | undefined;
  /** `artifactType` of the manifest, else the config's media type for an image (spec "Listing Referrers"). */
  artifactType: string | undefined;
  annotations: Record<string, string> | undefined;
}

/** A manifest, and the descriptors in it as they stand there. */
export interface ReadManifest extends ParsedManifest {
  /** Its layers, manifests or blobs. */
  entries: Descriptor[];
  /** Its config and subject, as far as it has any. */
  others: Descriptor[];
}

/**
 * Reads the bytes of a manifest. Unknown fields are left alone.
 * @param contentType the request's Content-Type; may be absent when the manifest has a `mediaType`.
 * @throws OciError MANIFEST_INVALID, SIZE_INVALID (413) or UNSUPPORTED (schema 1).
 */
export function parseManifest(bytes: Uint8Array, contentType: string | undefined): ReadManifest {
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
  if (kind !== 'artifact' && json['schemaVersion'] !== 2) throw invalidManifest('schemaVersion must be 2');
  checkOneKind(json, kind);
  const config = kind === 'image' ? readDescriptor(json['config'], 'config') : undefined;
  const entries = readDescriptors(json[entryFields[kind]], entryFields[kind]);
  const subject = json['subject'] == null ? undefined : readDescriptor(json['subject'], 'subject');
  const isChild = ({ mediaType: type }: Descriptor) => kind === 'index' && !isBlobMediaType(type);
  const blobs = [...(config ? [config] : []), ...entries.filter((entry) => !isChild(entry))];
  const needed = new Set(digestsOf(blobs.filter(({ foreign }) => !foreign)));
  return {
    mediaType,
    kind,
    blobs: digestsOf(blobs),
    elsewhere: digestsOf(blobs).filter((digest) => !needed.has(digest)),
    children: digestsOf(entries.filter(isChild)),
    subject: subject?.digest,
    artifactType: optionalMediaType(json['artifactType'], 'artifactType') || config?.mediaType || undefined,
    annotations: annotationsOf(json['annotations']),
    entries,
    others: [config, subject].filter((descriptor) => descriptor !== undefined),
  };
}

/** Each once. */
function digestsOf(descriptors: readonly Descriptor[]): Digest[] {
  return [...new Set(descriptors.map(({ digest }) => digest))];
}

/** What one client reads as an image and another as an index deceives one of them (CVE-2021-41190). */
function checkOneKind(json: Json, kind: ManifestKind): void {
  const foreign = kind === 'index' ? ['layers', 'config'] : ['manifests'];
  const found = foreign.filter((field) => json[field] !== undefined);
  if (found.length > 0)
    throw invalidManifest(`an ${kind} manifest has no ${found.join(' and ')}`, { fields: found });
}

function parseObject(bytes: Uint8Array): Json {
  let value: unknown;
  try {
    // A byte order mark is left in the text, where JSON has no place for it (RFC 8259 section 8.1).
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    checkJsonShape(bytes);
    value = JSON.parse(text);
  } catch (cause) {
    if (cause instanceof OciError) throw cause;
    throw new OciError('MANIFEST_INVALID', { message: 'manifest is not JSON in UTF-8', cause });
  }
  if (!isObject(value)) throw invalidManifest('a manifest is a JSON object');
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
    throw invalidManifest('the manifest’s mediaType differs from the Content-Type', {
      mediaType: declared.slice(0, 255),
      contentType: header.slice(0, 255),
    });
  }
  return declared || header;
}

function refuseType(mediaType: string): never {
  throw invalidManifest('not a manifest type that this registry stores', {
    mediaType: mediaType.slice(0, 255),
    supported: manifestMediaTypes,
  });
}

function annotationsOf(value: unknown): Record<string, string> | undefined {
  if (value === undefined || value === null) return undefined;
  if (!isObject(value)) throw invalidManifest('annotations must be an object of strings');
  if (Object.values(value).some((text) => typeof text !== 'string'))
    throw invalidManifest('annotations must be an object of strings');
  return value as Record<string, string>;
}
