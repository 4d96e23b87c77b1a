import { pipeline } from 'node:stream/promises';
import type { Digest } from '../../oci/digest.ts';
import type { Endpoint } from '../../oci/endpoints.ts';
import { OciError } from '../../oci/errors.ts';
import { type ByteRange, parseRange } from '../../oci/range.ts';
import { internalHeaders, sendfileType } from '../../runtime/request-context.ts';
import type { BlobRow } from '../metadata/registry.ts';
import { demandMatch, matchesEtag } from '../preconditions.ts';
import type { Core, Exchange } from '../server.ts';
import { contentHeaders, sendDeleted } from './responses.ts';

/** `GET`, `HEAD` and `DELETE /v2/<name>/blobs/<digest>` (spec end-2, end-10). */
export async function handleBlob(
  core: Core,
  { method, repository, digest }: Endpoint & { kind: 'blob' },
  exchange: Exchange,
): Promise<void> {
  if (method === 'DELETE') {
    return sendDeleted(
      exchange.response,
      await core.registry.deleteBlob(repository, digest, exchange.context),
    );
  }
  const find = () =>
    method === 'HEAD'
      ? core.registry.promiseBlob(repository, digest)
      : core.registry.blob(repository, digest);
  const send = async () => sendBlob(core, await wholeBlob(core, digest, find), exchange);
  await send().catch((error) => {
    // A push may bring the bytes under another key just before the file is opened.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return send();
    throw error;
  });
}

/**
 * A blob whose file is there in full. One that is not is found out before a client is told that it exists, and would
 * skip the push that heals it.
 * @throws OciError BLOB_UNKNOWN
 */
async function wholeBlob(
  { registry, store, log }: Core,
  digest: Digest,
  find: () => Promise<BlobRow | undefined>,
): Promise<BlobRow> {
  for (let attempt = 1; ; attempt++) {
    const blob = await find();
    if (blob?.state !== 'present') throw new OciError('BLOB_UNKNOWN', { detail: { digest } });
    const bytes = await store.size(blob.storageKey);
    if (bytes === blob.size) return blob;
    // Unless the look-up came just before another key took its place.
    if (attempt < 3 && !(await registry.markDamaged(digest, blob.storageKey))) continue;
    log.error('blob found damaged, a push of it will heal it', {
      digest,
      size: blob.size,
      bytes: bytes ?? null,
    });
    throw new OciError('BLOB_UNKNOWN', { detail: { digest } });
  }
}

/** The core alone decides ranges and validators; whoever sends the bytes only sends them. */
async function sendBlob(core: Core, blob: BlobRow, { request, response }: Exchange): Promise<void> {
  const etag = `"${blob.digest}"`;
  const headers = {
    ...contentHeaders,
    'Content-Type': 'application/octet-stream',
    'Docker-Content-Digest': blob.digest,
    'Accept-Ranges': 'bytes',
    ETag: etag,
  };
  demandMatch(request.headers['if-match'], etag);
  if (matchesEtag(request.headers['if-none-match'], etag)) {
    response.writeHead(304, { ETag: etag, 'Docker-Content-Digest': blob.digest }).end();
    return;
  }
  if (request.method === 'HEAD') {
    response.writeHead(200, { ...headers, 'Content-Length': blob.size }).end();
    return;
  }
  const range = requestedRange(request.headers, etag, blob.size);
  const part = range ?? { start: 0, end: blob.size - 1 };
  const partial = range ? { 'Content-Range': `bytes ${part.start}-${part.end}/${blob.size}` } : {};
  await sendPart(core, blob, part, range ? 206 : 200, { ...headers, ...partial }, { request, response });
}

/** The three forms of a blob answer: a file for the gateway to send, a redirect, or the bytes themselves. */
async function sendPart(
  { store }: Core,
  { storageKey, size }: BlobRow,
  { start, end }: ByteRange,
  status: number,
  headers: Record<string, string>,
  { request, response }: Pick<Exchange, 'request' | 'response'>,
): Promise<void> {
  const location = store.locate(storageKey);
  if (location.form === 'redirect') {
    response.writeHead(307, { Location: location.url, 'Content-Length': 0 }).end();
  } else if (location.form === 'file' && request.headers[internalHeaders.sendfile] === sendfileType) {
    const accel = {
      [internalHeaders.accel]: location.path,
      [internalHeaders.accelRange]: `${start}-${Math.max(0, end)}/${size}`,
    };
    response.writeHead(status, { ...headers, ...accel, 'Content-Length': 0 }).end();
  } else if (size === 0) {
    response.writeHead(status, { ...headers, 'Content-Length': 0 }).end();
  } else {
    const bytes = await store.read(storageKey, start, end);
    response.writeHead(status, { ...headers, 'Content-Length': end - start + 1 });
    // A reader that goes away is an everyday case, and a cut connection is all that can still be said to others.
    await pipeline(bytes, response).catch(() => response.destroy());
  }
}

function requestedRange(
  headers: { range?: string | undefined; 'if-range'?: string | undefined },
  etag: string,
  size: number,
): ByteRange | undefined {
  // RFC 9110 section 13.1.5: a validator that does not match strongly turns the range off.
  if (headers.range === undefined || (headers['if-range'] ?? etag) !== etag) return undefined;
  const range = parseRange(headers.range, size);
  if (range === 'unsatisfiable') {
    throw new OciError('RANGE_INVALID', {
      detail: { size },
      headers: { 'Content-Range': `bytes */${size}`, 'Accept-Ranges': 'bytes' },
    });
  }
  return range;
}
