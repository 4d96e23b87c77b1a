import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import { type Endpoint, formatEndpoint } from '../oci/endpoints.ts';
import { OciError } from '../oci/errors.ts';
import {
  formatContext,
  internalHeaders,
  type RequestContext,
  sendfileType,
} from '../runtime/request-context.ts';
import { forwardedHeaders } from './headers.ts';

/** A request to the core, made anew from what was understood of the client's. */
export interface CoreRequest {
  method: string;
  target: string;
  /** Names in lower case. */
  headers: Record<string, string>;
  /** Absent: nothing is sent, whatever the client sends. */
  body: Readable | undefined;
  /** The core may name a file instead of sending bytes. */
  mayNameFile: boolean;
  context: RequestContext;
}

/** @throws OciError UNSUPPORTED (501) for a transfer coding other than chunked. */
export function coreRequest(
  request: IncomingMessage,
  endpoint: Endpoint,
  context: RequestContext,
): CoreRequest {
  const mayNameFile = endpoint.kind === 'blob' && endpoint.method === 'GET';
  const framing = bodyFraming(request);
  const headers = { ...forwardedHeaders(request.headers), ...framing };
  if (mayNameFile) headers[internalHeaders.sendfile] = sendfileType;
  const hasBody = framing['transfer-encoding'] !== undefined || Number(framing['content-length'] ?? 0) > 0;
  return {
    method: endpoint.method,
    target: formatEndpoint(endpoint),
    headers,
    body: hasBody ? request : undefined,
    mayNameFile,
    context,
  };
}

/** The headers with what only HTTP needs. */
export function httpHeaders({ headers, context }: CoreRequest): OutgoingHttpHeaders {
  return { ...headers, host: 'registry-core', [internalHeaders.context]: formatContext(context) };
}

/**
 * Only these methods have a body here. One sent with another method is not passed on: http-proxy would announce
 * it with length 0 (DELETE), and its bytes would be the next request on the connection to the core.
 */
function bodyFraming({ method, headers }: IncomingMessage): Record<string, string> {
  if (method !== 'POST' && method !== 'PUT' && method !== 'PATCH') return {};
  const coding = headers['transfer-encoding'];
  if (coding === undefined) return { 'content-length': headers['content-length'] ?? '0' };
  if (coding.toLowerCase() === 'chunked') return { 'transfer-encoding': 'chunked' };
  throw new OciError('UNSUPPORTED', { status: 501, message: 'the only transfer coding accepted is chunked' });
}
