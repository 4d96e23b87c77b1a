import type { Digest } from '../../oci/digest.ts';
import type { Endpoint } from '../../oci/endpoints.ts';
import { OciError } from '../../oci/errors.ts';
import { type ByteRange, parseRange } from '../../oci/range.ts';
import { internalHeaders, sendfileType } from '../../runtime/request-context.ts';
import type { Answer, Question } from '../answer.ts';
import type { BlobRow, Promised } from '../metadata/registry.ts';
import { demandMatch, matchesEtag } from '../preconditions.ts';
import type { Core } from '../server.ts';
import { contentHeaders, deletedAnswer } from './responses.ts';

/** That much later, at most, a file that was lost or damaged behind our back is found out. */
const keepBlobMs = 1000;

type WholeBlob = BlobRow & Promised;

/** `GET`, `HEAD` and `DELETE /v2/<name>/blobs/<digest>` (spec end-2, end-10). */
export async function handleBlob(
  core: Core,
  { method, repository, digest }: Endpoint & { kind: 'blob' },
  question: Question,
): Promise<Answer> {
  if (method !== 'DELETE') return readBlob(core, { method, repository, digest }, question);
  return deletedAnswer(await core.registry.deleteBlob(repository, digest, question.context));
}

/** GET and HEAD. */
async function readBlob(
  core: Core,
  { method, repository, digest }: Pick<Endpoint & { kind: 'blob' }, 'method' | 'repository' | 'digest'>,
  question: Question,
): Promise<Answer> {
  const find = () =>
    method === 'HEAD'
      ? core.registry.promiseBlob(repository, digest)
      : core.registry.blob(repository, digest);
  const { requestId } = question.context;
  const answer = async () => blobAnswer(core, await wholeBlob(core, digest, find, requestId), question);
  return answer().catch((error) => {
    // A push may bring the bytes under another key just before the file is opened.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return answer();
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
  find: () => Promise<(BlobRow & Partial<Promised>) | undefined>,
  requestId: string,
): Promise<WholeBlob> {
  for (let attempt = 1; ; attempt++) {
    const blob = await find();
    if (blob?.state !== 'present') throw new OciError('BLOB_UNKNOWN', { detail: { digest } });
    const bytes = await store.size(blob.storageKey);
    // A GET promises nothing.
    if (bytes === blob.size) return { ...blob, renewAt: blob.renewAt ?? Number.POSITIVE_INFINITY };
    // Unless the look-up came just before another key took its place.
    if (attempt < 3 && !(await registry.markDamaged(digest, blob.storageKey))) continue;
    log.error('blob found damaged, a push of it will heal it', {
      requestId,
      digest,
      size: blob.size,
      bytes: bytes ?? null,
    });
    throw new OciError('BLOB_UNKNOWN', { detail: { digest } });
  }
}

/** The core alone decides ranges and validators; whoever sends the bytes only sends them. */
async function blobAnswer(core: Core, blob: WholeBlob, question: Question): Promise<Answer> {
  const etag = `"${blob.digest}"`;
  const content = {
    ...contentHeaders,
    'Content-Type': 'application/octet-stream',
    'Docker-Content-Digest': blob.digest,
    'Accept-Ranges': 'bytes',
    ETag: etag,
  };
  const { method, headers } = question;
  demandMatch(headers['if-match'], etag);
  if (matchesEtag(headers['if-none-match'], etag)) {
    return { status: 304, headers: { ETag: etag, 'Docker-Content-Digest': blob.digest } };
  }
  const keepMs = Math.min(keepBlobMs, blob.renewAt - Date.now());
  if (method === 'HEAD') return { status: 200, headers: { ...content, 'Content-Length': blob.size }, keepMs };
  const range = requestedRange(headers, etag, blob.size);
  const part = range ?? { start: 0, end: blob.size - 1 };
  const partial = range ? { 'Content-Range': `bytes ${part.start}-${part.end}/${blob.size}` } : {};
  const whole = { status: range ? 206 : 200, headers: { ...content, ...partial }, keepMs };
  return partAnswer(core, blob, part, whole, headers[internalHeaders.sendfile] === sendfileType);
}

/** The three forms of a blob answer: a file for the gateway to send, a redirect, or the bytes themselves. */
async function partAnswer(
  { store }: Core,
  { storageKey, size }: BlobRow,
  { start, end }: ByteRange,
  { status, headers, keepMs }: Answer,
  mayNameFile: boolean,
): Promise<Answer> {
  const location = store.locate(storageKey);
  if (location.form === 'redirect') {
    return { status: 307, headers: { Location: location.url } };
  }
  if (location.form === 'file' && mayNameFile) {
    const accel = {
      [internalHeaders.accel]: location.path,
      [internalHeaders.accelRange]: `${start}-${Math.max(0, end)}/${size}`,
    };
    return { status, headers: { ...headers, ...accel }, ...(keepMs !== undefined && { keepMs }) };
  }
  if (size === 0) return { status, headers };
  const length = { 'Content-Length': end - start + 1 };
  return { status, headers: { ...headers, ...length }, body: await store.read(storageKey, start, end) };
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
