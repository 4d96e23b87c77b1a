import type { IncomingMessage, ServerResponse } from 'node:http';
import { OciError } from '../oci/errors.ts';

export interface SmallBody {
  /** `form`, `body`: as messages call it. */
  what: string;
  maxBytes: number;
}

/** What a stranger may send too has its time: it fits into a few packets. */
const limitMs = 20_000;

/**
 * A body of some kilobytes, after everything before it has been found good.
 * @throws OciError SIZE_INVALID (413, 408)
 */
export async function readSmallBody(
  request: IncomingMessage,
  response: ServerResponse,
  { what, maxBytes }: SmallBody,
): Promise<Buffer> {
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) throw tooLarge(what, maxBytes);
  if (request.headers.expect !== undefined && request.httpVersion === '1.1') response.writeContinue();
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(tooSlow(what)), limitMs).unref();
  try {
    return await Promise.race([collect(request, what, maxBytes), late]);
  } finally {
    clearTimeout(timer);
  }
}

async function collect(request: IncomingMessage, what: string, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    bytes += (chunk as Buffer).length;
    if (bytes > maxBytes) throw tooLarge(what, maxBytes);
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks);
}

function tooLarge(what: string, maxBytes: number): OciError {
  return new OciError('SIZE_INVALID', {
    status: 413,
    message: `the ${what} is larger than ${maxBytes} bytes`,
    detail: { maxBytes },
  });
}

function tooSlow(what: string): OciError {
  return new OciError('SIZE_INVALID', {
    status: 408,
    message: `the ${what} did not arrive in time`,
    headers: { Connection: 'close' },
  });
}
