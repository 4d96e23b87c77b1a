import type { ServerResponse } from 'node:http';
import { OciError } from '../oci/errors.ts';
import type { Log } from './log.ts';
import { blankSecrets } from './secrets.ts';

/** What is answered in place of what was thrown. */
export interface ErrorAnswer {
  error: OciError;
  status: number;
  headers: Record<string, string | number>;
  body: string;
}

/**
 * The only maker of error bodies: the OCI JSON form, on every path and for every status. What is not an
 * `OciError` is logged and answered as INTERNAL, without a word of it.
 */
export function errorAnswer(thrown: unknown, log: Log, requestId: string): ErrorAnswer {
  const error = toOciError(thrown);
  if (error.code === 'INTERNAL') log.error('request failed', { requestId, error: thrown });
  const body = blankSecrets(error.toBody());
  const headers = {
    ...error.headers,
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
  };
  return { error, status: error.status, headers, body };
}

/** @returns the error that was answered. */
export function sendError(response: ServerResponse, thrown: unknown, log: Log, requestId: string): OciError {
  const { error, status, headers, body } = errorAnswer(thrown, log, requestId);
  if (response.headersSent) {
    // Too late for a status: a cut connection is the only honest sign that the body is not whole.
    response.destroy();
    return error;
  }
  for (const name of response.getHeaderNames()) if (!keptHeaders.has(name)) response.removeHeader(name);
  response.writeHead(status, headers);
  response.end(response.req.method === 'HEAD' ? undefined : body);
  return error;
}

/** Headers of the connection and of the request as a whole stay; those of the answer that failed go. */
const keptHeaders = new Set([
  'connection',
  'docker-distribution-api-version',
  'x-request-id',
  'strict-transport-security',
  'access-control-allow-origin',
  'vary',
]);

function toOciError(thrown: unknown): OciError {
  if (thrown instanceof OciError) return thrown;
  const code = (thrown as NodeJS.ErrnoException | undefined)?.code ?? '';
  if (['ENOSPC', 'EDQUOT', 'SQLITE_FULL'].includes(code)) {
    return new OciError('STORAGE_FULL', {
      message:
        'no space left on the storage; nothing acknowledged is lost; try again when the operator has made room',
      cause: thrown,
    });
  }
  if (code.startsWith('SQLITE_BUSY')) {
    return new OciError('UNAVAILABLE', {
      message: 'the database is held by another process, try again',
      headers: { 'Retry-After': '5' },
      cause: thrown,
    });
  }
  return new OciError('INTERNAL', { cause: thrown });
}
