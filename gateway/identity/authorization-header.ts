import { OciError } from '../../oci/errors.ts';

export type Credentials =
  | { scheme: 'basic'; name: string; password: string }
  | { scheme: 'bearer'; token: string };

/**
 * Reads an Authorization header: Basic (RFC 7617, UTF-8) or Bearer (RFC 6750).
 * @throws OciError UNAUTHORIZED; nothing of the header is in it.
 */
export function parseAuthorization(header: string): Credentials {
  const [, scheme = '', value = ''] = /^([A-Za-z]+) +([A-Za-z0-9._~+/-]+=*) *$/.exec(header) ?? [];
  switch (scheme.toLowerCase()) {
    case 'basic':
      return parseBasic(value);
    case 'bearer':
      return { scheme: 'bearer', token: value };
    default:
      throw malformed('want "Basic" with base64 of name:password, or "Bearer" with a token');
  }
}

function parseBasic(value: string): Credentials {
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(value)) throw malformed('Basic credentials are not base64');
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.from(value, 'base64'));
  } catch {
    throw malformed('Basic credentials are not UTF-8');
  }
  const colon = text.indexOf(':');
  if (colon < 0) throw malformed('Basic credentials have no colon between name and password');
  if (/[\u0000-\u001f\u007f]/.test(text)) throw malformed('Basic credentials have control characters');
  return { scheme: 'basic', name: text.slice(0, colon), password: text.slice(colon + 1) };
}

function malformed(what: string): OciError {
  return new OciError('UNAUTHORIZED', {
    message: `malformed Authorization header: ${what}`,
    detail: { reason: 'malformed' },
  });
}
