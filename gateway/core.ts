import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { OciError } from '../oci/errors.ts';
import type { CoreRequest } from './core-request.ts';
import type { CoreProxy } from './proxy.ts';

export interface AskOptions {
  /** How long a request without a body waits for a core that is starting again. */
  maxWaitMs?: number;
}

const retryAfterSeconds = 2;
const pauseMs = 50;

/**
 * Asks the core. While it restarts, a request that can be repeated is repeated; one with a body cannot, since the
 * bytes that were sent are gone.
 * @throws OciError UNAVAILABLE with `Retry-After` when there is no answer; the socket's error when the client left.
 */
export async function askCore(
  proxy: CoreProxy,
  request: CoreRequest,
  response: ServerResponse,
  { maxWaitMs = 3000 }: AskOptions = {},
): Promise<IncomingMessage> {
  const deadline = performance.now() + maxWaitMs;
  let resets = 0;
  for (;;) {
    try {
      return await proxy.send(request, response);
    } catch (error) {
      if (response.destroyed) throw error;
      const again = isUnreachable(error)
        ? request.body === undefined && performance.now() < deadline
        : isRepeatable(request) && resets++ === 0;
      if (!again) throw unavailable(error);
      await delay(pauseMs);
      if (response.destroyed) throw error;
    }
  }
}

/** The core did not get to see the request. */
function isUnreachable(error: unknown): boolean {
  return ['ECONNREFUSED', 'ENOENT', 'EAGAIN'].includes((error as NodeJS.ErrnoException).code ?? '');
}

/**
 * A connection that broke before the answer may have been an idle one that the core was just closing, or the core
 * may have died at work. Reading again does no harm, nor does another upload session.
 */
export function isRepeatable({ method, body }: CoreRequest): boolean {
  return method === 'GET' || method === 'HEAD' || (method === 'POST' && body === undefined);
}

/** What a client is told whose request the core may or may not have carried out. */
export function unavailable(cause: unknown): OciError {
  return new OciError('UNAVAILABLE', {
    message: `the registry is restarting, try again in ${retryAfterSeconds} seconds`,
    headers: { 'Retry-After': `${retryAfterSeconds}` },
    cause,
  });
}
