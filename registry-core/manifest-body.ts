import type { Readable } from 'node:stream';
import { OciError } from '../oci/errors.ts';
import { maxManifestBytes } from '../oci/manifest.ts';
import { piecesOf } from './upload-body.ts';

/** Of all manifests that are being received at once: many that come slowly must not take the memory of the machine. */
const maxHeldBytes = 256 * 1024 * 1024;

/** Counts the bytes of manifests under way, over all requests. */
export class ManifestBytes {
  readonly #limit: number;
  #held = 0;

  /** @param limit in bytes. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** @throws OciError UNAVAILABLE with `Retry-After` when it would be too many; then none are taken. */
  take(bytes: number): void {
    if (this.#held + bytes > this.#limit) {
      throw new OciError('UNAVAILABLE', {
        message: 'too many manifests are being received, try again',
        headers: { 'Retry-After': '5' },
      });
    }
    this.#held += bytes;
  }

  giveBack(bytes: number): void {
    this.#held -= bytes;
  }
}

const allManifests = new ManifestBytes(maxHeldBytes);

/**
 * The bytes of a manifest. Whoever sends too much gets the answer at once; the server goes on reading and drops the
 * rest.
 * @throws OciError SIZE_INVALID (413), UNAVAILABLE
 */
export async function readManifest(body: Readable | Uint8Array, held = allManifests): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  try {
    for await (const chunk of piecesOf(body)) {
      if (bytes + chunk.length > maxManifestBytes) throw tooLarge();
      held.take(chunk.length);
      bytes += chunk.length;
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  } finally {
    held.giveBack(bytes);
  }
}

function tooLarge(): OciError {
  return new OciError('SIZE_INVALID', {
    status: 413,
    message: `a manifest may have at most ${maxManifestBytes} bytes`,
    detail: { maxManifestBytes },
  });
}
