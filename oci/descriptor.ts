import { type Digest, parseDigest } from './digest.ts';
import { OciError } from './errors.ts';

const maxDescriptors = 20_000;
/** RFC 6838 section 4.2: 127 characters on each side of the slash. Lists repeat them for every entry. */
const maxMediaTypeLength = 255;

/** A reference from a manifest to a blob or a manifest (image-spec, descriptor.md), as far as a registry cares. */
export interface Descriptor {
  digest: Digest;
  mediaType: string;
  /** Bytes. */
  size: number;
  /**
   * A non-distributable layer, which need not be pushed. Its type alone says so (image-spec, layer.md): `urls` may be
   * absent.
   */
  foreign: boolean;
  /** `os/architecture` or `os/architecture/variant`. */
  platform: string | undefined;
  /** The content itself in Base64, where the descriptor carries it; not verified here. */
  data: string | undefined;
}

export type Json = Record<string, unknown>;

/** @throws OciError MANIFEST_INVALID with `field` in its message. */
export function readDescriptors(value: unknown, field: string): Descriptor[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw invalidManifest(`${field} must be a list of descriptors`);
  if (value.length > maxDescriptors) {
    throw invalidManifest(`${field} may have at most ${maxDescriptors} entries`);
  }
  return value.map((entry, index) => readDescriptor(entry, `${field}[${index}]`));
}

/** @throws OciError MANIFEST_INVALID with `field` in its message. */
export function readDescriptor(value: unknown, field: string): Descriptor {
  if (!isObject(value)) throw invalidManifest(`${field} must be a descriptor`);
  const { size, digest } = value;
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) {
    throw invalidManifest(`${field}.size must be a number of bytes`);
  }
  if (typeof digest !== 'string') throw invalidManifest(`${field}.digest must be a digest`);
  const mediaType = optionalMediaType(value['mediaType'], `${field}.mediaType`) ?? '';
  return {
    digest: descriptorDigest(digest, field),
    mediaType,
    size,
    foreign: isForeign(mediaType),
    platform: platformOf(value['platform']),
    data: optionalText(value['data'], `${field}.data`),
  };
}

function descriptorDigest(text: string, field: string): Digest {
  try {
    return parseDigest(text);
  } catch (cause) {
    throw invalidManifest(`${field}.digest: ${(cause as Error).message}`, { digest: text.slice(0, 255) });
  }
}

function isForeign(mediaType: string): boolean {
  return /^application\/vnd\.(oci\.image\.layer\.nondistributable|docker\.image\.rootfs\.foreign)\./.test(
    mediaType,
  );
}

/** Clients have put every shape there; what names no system and architecture is no platform. */
function platformOf(value: unknown): string | undefined {
  if (!isObject(value)) return undefined;
  const { os, architecture, variant } = value;
  if (typeof os !== 'string' || typeof architecture !== 'string') return undefined;
  return [os, architecture, ...(typeof variant === 'string' && variant !== '' ? [variant] : [])].join('/');
}

export function optionalText(value: unknown, field: string): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'string') throw invalidManifest(`${field} must be a string`);
  return value;
}

/** @throws OciError MANIFEST_INVALID with `field` in its message. */
export function optionalMediaType(value: unknown, field: string): string | undefined {
  const text = optionalText(value, field);
  if (text === undefined || text.length <= maxMediaTypeLength) return text;
  throw invalidManifest(`${field} may have at most ${maxMediaTypeLength} characters`);
}

export function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function invalidManifest(message: string, detail?: unknown): OciError {
  return new OciError('MANIFEST_INVALID', { message, detail });
}
