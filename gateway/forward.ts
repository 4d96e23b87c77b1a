import type { IncomingMessage, ServerResponse } from 'node:http';
import { algorithmOf, type Digest, hexOf } from '../oci/digest.ts';
import type { Endpoint } from '../oci/endpoints.ts';
import { internalHeaders, type RequestContext } from '../runtime/request-context.ts';
import { askUpstream, discard, type Upstream, type UpstreamAnswer } from './ask.ts';
import { demandSize, openBlobFile } from './blobs/file.ts';
import { maxHotBytes } from './blobs/hot.ts';
import { coreRequest } from './core-request.ts';
import { returnedHeaders } from './headers.ts';
import { tokenExpired } from './identity/index.ts';
import type { Pace } from './limits/pace.ts';
import type { Passage } from './limits/policy.ts';
import { joinWarnings } from './warnings.ts';

/** Up to here copying costs less than a second buffer does; with the head it makes one TLS record. */
const maxTextBytes = 15 * 1024;

/** Has the core answer, and passes its answer on: as it comes, or from the file that it names. */
export async function forward(
  request: IncomingMessage,
  response: ServerResponse,
  endpoint: Endpoint,
  context: RequestContext,
  upstream: Upstream,
  { pull, pace }: Passage,
): Promise<void> {
  const toCore = coreRequest(request, endpoint, context);
  if (toCore.body && pace) toCore.body = toCore.body.pipe(pace.stream());
  // A request with `Expect: 100-continue` gets its go-ahead only here, when nothing speaks against its body.
  // HTTP/1.0 has no such answer (RFC 9110 section 10.1.1).
  const isWaiting = request.headers.expect !== undefined && request.httpVersion === '1.1';
  if (toCore.body && isWaiting) response.writeContinue();
  for (let attempt = 1; ; attempt++) {
    const answer = await askUpstream(upstream, toCore, {
      request,
      response,
      endpoint,
      pull,
      anew: attempt > 1,
    });
    if (context.ownerOnly && answer.statusCode === 401) {
      discard(answer);
      throw tokenExpired();
    }
    const part = namedPart(answer, endpoint, toCore.mayNameFile);
    if (!part) return relay(answer, response);
    discard(answer);
    try {
      return await sendPart(part, answer, response, upstream, pace);
    } catch (error) {
      // The file was swept after the core named it, and the content may live on under a new name; or it is damaged, which
      // the core finds out.
      if (attempt === 1 && !response.headersSent && !response.destroyed) continue;
      throw error;
    }
  }
}

/** A part of a file that the core named. */
interface FilePart {
  path: string;
  start: number;
  /** Bytes to send. */
  length: number;
  /** Bytes of the whole file. */
  size: number;
}

/**
 * The file in an answer, if it names one.
 * @throws Error when it was not asked for, is not the asked blob's, or the part makes no sense.
 */
function namedPart(answer: UpstreamAnswer, endpoint: Endpoint, asked: boolean): FilePart | undefined {
  const path = answer.headers[internalHeaders.accel];
  if (path === undefined) return undefined;
  const status = answer.statusCode;
  const match = /^([0-9]{1,15})-([0-9]{1,15})\/([0-9]{1,15})$/.exec(
    String(answer.headers[internalHeaders.accelRange]),
  );
  const isBlobs = asked && endpoint.kind === 'blob' && isFileOf(endpoint.digest, String(path));
  const [start, end, size] = (match ?? []).slice(1).map(Number) as [number, number, number];
  const length = size === 0 ? 0 : end - start + 1;
  if (!isBlobs || !match || length < 0 || start + length > size || (status !== 200 && status !== 206)) {
    discard(answer);
    throw new Error(`the core named a file where it may not: ${path} ${match?.[0]} (${status})`);
  }
  return { path: String(path), start, length, size };
}

function isFileOf(digest: Digest, path: string): boolean {
  const hex = hexOf(digest);
  const prefix = `/blobs/${algorithmOf(digest)}/${hex.slice(0, 2)}/${hex}.`;
  return path.startsWith(prefix) && /^[a-z0-9]{1,64}$/.test(path.slice(prefix.length));
}

/** @throws ENOENT, and Error for a file of another size, before anything was sent. */
async function sendPart(
  part: FilePart,
  answer: UpstreamAnswer,
  response: ServerResponse,
  { hotBlobs, storageRoot }: Upstream,
  pace: Pace | undefined,
): Promise<void> {
  const { path, start, length, size } = part;
  const writeHead = () => {
    const headers = joinWarnings(response, returnedHeaders(answer.headers));
    response.writeHead(answer.statusCode!, { ...headers, 'content-length': length });
  };
  if (size <= maxHotBytes) {
    const bytes = await hotBlobs.read(path, size);
    await pace?.spend(length);
    if (response.destroyed) return;
    writeHead();
    endWith(response, bytes.subarray(start, start + length));
    return;
  }
  const file = await openBlobFile(storageRoot, path);
  try {
    demandSize(file, path, size);
    writeHead();
    await file.send(response, start, length, pace);
    if (!response.destroyed) response.end();
  } finally {
    await file.close();
  }
}

/** Streams an answer with back-pressure. One that breaks off breaks off for the client too. */
function relay(answer: UpstreamAnswer, response: ServerResponse): void {
  if ('body' in answer) {
    if (response.destroyed) return;
    response.writeHead(answer.statusCode, joinWarnings(response, returnedHeaders(answer.headers)));
    endWith(response, answer.body);
    return;
  }
  const onClose = () => {
    if (!answer.complete) response.destroy();
  };
  if (answer.closed) return onClose();
  answer.once('close', onClose);
  response.writeHead(answer.statusCode!, joinWarnings(response, returnedHeaders(answer.headers)));
  answer.pipe(response);
}

/** A text goes out in one write with the head before it; bytes would be written beside it. */
function endWith(response: ServerResponse, body: Buffer): void {
  if (body.length > maxTextBytes) response.end(body);
  else response.end(body.toString('latin1'), 'latin1');
}
