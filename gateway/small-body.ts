import type { IncomingMessage, ServerResponse } from 'node:http';
import { OciError } from '../oci/errors.ts';
import { collectBody } from './collect-body.ts';

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
    const body = await Promise.race([collectBody(request, maxBytes), late]);
    if (!body) throw tooLarge(what, maxBytes);
    return body;
  } finally {
    clearTimeout(timer);
  }
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
