import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { OciError } from '../oci/errors.ts';

/**
 * What the core gets to see of a client's headers. Whatever else a client sends (credentials, cookies, forwarded
 * and internal names) stays here; framing and internal headers are set by `core-request.ts`.
 */
const requestHeaders = [
  'accept',
  'content-type',
  'content-range',
  'range',
  'if-range',
  'if-match',
  'if-none-match',
  'user-agent',
];

/** What a client gets to see of the core's headers. Internal names are not among them. */
const answerHeaders = [
  'accept-ranges',
  'allow',
  'cache-control',
  'content-disposition',
  'content-length',
  'content-range',
  'content-security-policy',
  'content-type',
  'docker-content-digest',
  'docker-upload-uuid',
  'etag',
  'last-modified',
  'link',
  'location',
  'oci-chunk-min-length',
  'oci-filters-applied',
  'oci-subject',
  'oci-tag',
  'range',
  'retry-after',
  'vary',
  'warning',
];

/**
 * A header that decides who and where may come once only: of two, another reader might take the other.
 * @throws OciError URL_INVALID (400)
 */
export function singleHeader(request: IncomingMessage, name: 'host' | 'authorization'): string | undefined {
  const { rawHeaders } = request;
  let seen = 0;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const candidate = rawHeaders[index]!;
    if (candidate.length === name.length && candidate.toLowerCase() === name) seen++;
  }
  if (seen > 1) throw new OciError('URL_INVALID', { message: `the header ${name} may come only once` });
  return request.headers[name];
}

/** The client's headers that go on: listed, and not named by `Connection` (RFC 9110 section 7.6.1). */
export function forwardedHeaders(headers: IncomingHttpHeaders): Record<string, string> {
  return pick(headers, requestHeaders);
}

/** The core's headers that go on to the client. */
export function returnedHeaders(headers: IncomingHttpHeaders): Record<string, string> {
  return pick(headers, answerHeaders);
}

function pick(headers: IncomingHttpHeaders, names: readonly string[]): Record<string, string> {
  const hopByHop = connectionOptions(headers.connection);
  const picked: Record<string, string> = {};
  for (const name of names) {
    const value = headers[name];
    if (typeof value === 'string' && !hopByHop?.has(name)) picked[name] = value;
  }
  return picked;
}

function connectionOptions(connection: string | undefined): Set<string> | undefined {
  if (connection === undefined || connection === 'keep-alive' || connection === 'close') return undefined;
  return new Set(connection.split(',').map((option) => option.trim().toLowerCase()));
}
