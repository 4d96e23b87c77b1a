import type { IncomingMessage, ServerResponse } from 'node:http';
import { OciError } from '../../oci/errors.ts';
import { readSmallBody } from '../small-body.ts';

const maxBytes = 64 * 1024;

/**
 * The JSON of a request's body. Its Content-Type is demanded: a page of another site can make a browser send a form
 * with the user's credentials, but not this without asking first.
 * @throws OciError UNSUPPORTED (415), SIZE_INVALID (413, 408), PARAMETER_INVALID
 */
export async function readJson(request: IncomingMessage, response: ServerResponse): Promise<unknown> {
  const { headers } = request;
  if (!/^application\/json *(?:; *charset="?utf-8"? *)?$/i.test(headers['content-type'] ?? '')) {
    throw unsupported('the body must be JSON: Content-Type: application/json');
  }
  if (headers['content-encoding'] !== undefined)
    throw unsupported('the body must come without content encoding');
  const body = await readSmallBody(request, response, { what: 'body', maxBytes });
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch {
    // The parser's own message repeats what it was given, which may be a password.
    throw new OciError('PARAMETER_INVALID', { message: 'the body is not JSON in UTF-8' });
  }
}

function unsupported(message: string): OciError {
  return new OciError('UNSUPPORTED', { status: 415, message });
}
