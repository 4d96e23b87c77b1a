import { randomUUID } from 'node:crypto';
import { type ServerResponse, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { OciError } from '../oci/errors.ts';

/** How long a client may take to read the answer before the connection is cut. */
const lingerMs = 1000;
/** Somewhere at least; of which target nothing is known here. */
const allowed = { Allow: 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS' };

/**
 * Answers what Node's parser refused, so before there is a request: by hand, in the same form as every other error.
 * Codes: nodejs.org/api/errors.html, llhttp's `HPE_…`.
 * @returns what was answered; undefined when nobody was there to hear it. `inRequest`: it is about the body of one that
 *   the handler has got.
 */
export function answerClientError(
  error: NodeJS.ErrnoException,
  socket: Duplex,
): { requestId: string; status: number; inRequest: boolean } | undefined {
  // The response under way on this connection; half of it cannot be followed by another one.
  const { _httpMessage: response } = socket as { _httpMessage?: ServerResponse };
  if (!socket.writable || error.code === 'ECONNRESET' || response?.headersSent) {
    socket.destroy();
    return undefined;
  }
  const answer = toOciError(error.code ?? '');
  return { requestId: writeRaw(socket, answer), status: answer.status, inRequest: Boolean(response) };
}

/** CONNECT never reaches the request listener. */
export function refuseConnect(socket: Duplex): void {
  socket.on('error', () => {});
  writeRaw(socket, new OciError('UNSUPPORTED', { message: 'this is no forward proxy', headers: allowed }));
}

/** @returns the request's id, which it gets here. */
function writeRaw(socket: Duplex, error: OciError): string {
  const requestId = randomUUID();
  const body = error.toBody();
  const headers = Object.entries(error.headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(
    `HTTP/1.1 ${error.status} ${STATUS_CODES[error.status]}\r\n${headers.join('')}` +
      'Docker-Distribution-Api-Version: registry/2.0\r\n' +
      `X-Request-Id: ${requestId}\r\n` +
      'Content-Type: application/json; charset=utf-8\r\n' +
      `Content-Length: ${Buffer.byteLength(body)}\r\n` +
      'Cache-Control: no-store\r\n' +
      'X-Content-Type-Options: nosniff\r\n' +
      `Connection: close\r\n\r\n${body}`,
  );
  setTimeout(() => socket.destroy(), lingerMs).unref();
  return requestId;
}

function toOciError(code: string): OciError {
  if (code === 'HPE_HEADER_OVERFLOW') {
    return new OciError('URL_INVALID', { status: 431, message: 'request line and headers are too large' });
  }
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return new OciError('URL_INVALID', { status: 408, message: 'the request did not arrive in time' });
  }
  if (code === 'HPE_CHUNK_EXTENSIONS_OVERFLOW') {
    return new OciError('SIZE_INVALID', { status: 413, message: 'chunk extensions are too large' });
  }
  if (code === 'HPE_INVALID_METHOD') {
    return new OciError('UNSUPPORTED', { message: 'unknown method', headers: allowed });
  }
  return new OciError('URL_INVALID', { message: 'malformed HTTP request' });
}
