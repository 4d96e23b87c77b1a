import type { IncomingMessage, ServerResponse } from 'node:http';
import { OciError } from '../oci/errors.ts';
import { readSmallBody } from './small-body.ts';

/** Passwords, tokens and scopes; a form that is longer is none. */
const maxBytes = 16 * 1024;

/**
 * The parameters of a form in a request's body.
 * @throws OciError UNSUPPORTED (415), SIZE_INVALID (413, 408), PARAMETER_INVALID for what is not UTF-8.
 */
export async function readForm(request: IncomingMessage, response: ServerResponse): Promise<URLSearchParams> {
  demandForm(request);
  const body = await readSmallBody(request, response, { what: 'form', maxBytes });
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(body);
    // What percent signs stand for is decoded leniently by URLSearchParams, so it is tried strictly first.
    decodeURIComponent(text.replaceAll('+', ' '));
    return new URLSearchParams(text);
  } catch (cause) {
    throw new OciError('PARAMETER_INVALID', { message: 'the form is not UTF-8 in percent-encoding', cause });
  }
}

function demandForm({ headers }: IncomingMessage): void {
  const type = /^application\/x-www-form-urlencoded *(?:; *charset="?utf-8"? *)?$/i;
  if (!type.test(headers['content-type'] ?? '')) {
    throw new OciError('UNSUPPORTED', {
      status: 415,
      message: 'the body must be a form: Content-Type: application/x-www-form-urlencoded',
    });
  }
  if (headers['content-encoding'] !== undefined) {
    throw new OciError('UNSUPPORTED', {
      status: 415,
      message: 'the form must come without content encoding',
    });
  }
}
