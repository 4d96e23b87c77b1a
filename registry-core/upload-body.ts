import { IncomingMessage } from 'node:http';
import { finished, type Readable } from 'node:stream';
import { OciError } from '../oci/errors.ts';
import { releaseChunk } from '../runtime/release-chunk.ts';

/** @returns what has to be waited for before there may be more. */
export type TakeChunk = (chunk: Uint8Array) => Promise<void> | undefined;

/**
 * Hands over the body, which must be as long as was announced; else nothing of it counts. In pieces as they come: an
 * iterator would join them, and take two turns of the microtask queue for each. The rest of a body that failed here is
 * left to the caller: the connection is kept, and its next request comes after the rest.
 * @throws OciError SIZE_INVALID; what `take` throws; Error ECONNRESET when the client went away.
 */
export function eachChunk(
  body: Readable | Uint8Array,
  announced: number | undefined,
  take: TakeChunk,
): Promise<void> {
  return body instanceof Uint8Array ? oneChunk(body, announced, take) : streamed(body, announced, take);
}

async function oneChunk(body: Uint8Array, announced: number | undefined, take: TakeChunk): Promise<void> {
  demandLength(body, announced);
  if (body.length > 0) await take(body);
}

/** @throws OciError SIZE_INVALID */
export function demandLength(body: Uint8Array, announced: number | undefined): void {
  if (body.length !== (announced ?? body.length)) throw wrongSize(announced);
}

function streamed(body: Readable, announced: number | undefined, take: TakeChunk): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let bytes = 0;
  let taken: Promise<void> | undefined;
  // Of what comes over HTTP nobody else has the chunks.
  const release = body instanceof IncomingMessage ? releaseChunk : () => {};
  const onData = (chunk: Uint8Array) => {
    bytes += chunk.length;
    if (bytes > (announced ?? bytes)) return end(wrongSize(announced));
    taken = take(chunk);
    if (!taken) return release(chunk);
    body.pause();
    taken.then(() => {
      taken = undefined;
      release(chunk);
      body.resume();
    }, end);
  };
  // What came before a client went away counts, also what was not handed over yet.
  const takeRest = async () => {
    body.off('data', onData);
    await taken;
    for (let chunk = body.read(); chunk !== null; chunk = body.read()) {
      bytes += chunk.length;
      if (bytes > (announced ?? bytes)) throw wrongSize(announced);
      await take(chunk);
    }
  };
  const stopWatching = finished(body, { writable: false }, (error) => {
    takeRest().then(() => end(error ?? (bytes === (announced ?? bytes) ? null : wrongSize(announced))), end);
  });
  function end(error: unknown): void {
    stopWatching();
    body.off('data', onData);
    if (error) reject(error);
    else resolve();
  }
  body.on('data', onData);
  return promise;
}

function wrongSize(announced: number | undefined): OciError {
  return new OciError('SIZE_INVALID', {
    message: 'the body is not as long as its Content-Range says; nothing of it was kept',
    detail: { announced },
  });
}

/** Not destroyed by an error of ours: the connection is kept, and its next request comes after the rest. */
export function piecesOf(body: Readable | Uint8Array): AsyncIterable<Uint8Array> | Iterable<Uint8Array> {
  return body instanceof Uint8Array ? [body] : body.iterator({ destroyOnReturn: false });
}
