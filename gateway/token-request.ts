import { OciError } from '../oci/errors.ts';
import { parseScopes, type Scope } from './identity/index.ts';

/** A request for a token, by either method. */
export interface TokenRequest {
  service: string | undefined;
  scopes: readonly Scope[];
  /** What the client calls itself; '' when it does not say. */
  clientId: string;
  /** Whether it wants a refresh token. */
  wantsRefreshToken: boolean;
}

/** How the client of a POST logs in (RFC 6749 section 4.3, 6). */
export type OAuthGrant =
  | { type: 'password'; name: string; password: string }
  | { type: 'refresh_token'; refreshToken: string };

/** The query of a GET (distribution, "Token Authentication Specification"). @throws OciError PARAMETER_INVALID */
export function readTokenQuery(query: string): TokenRequest {
  const parameters = new URLSearchParams(query);
  // The account is whoever the credentials say.
  one(parameters, 'account');
  return {
    ...readCommon(parameters),
    wantsRefreshToken: one(parameters, 'offline_token') === 'true',
  };
}

/**
 * The form of a POST (distribution, "OAuth 2 Token Authentication").
 * @throws OciError PARAMETER_INVALID; nothing of a secret is in it.
 */
export function readTokenForm(form: URLSearchParams): TokenRequest & { grant: OAuthGrant } {
  return {
    ...readCommon(form),
    wantsRefreshToken: one(form, 'access_type') === 'offline',
    grant: readGrant(form),
  };
}

function readCommon(parameters: URLSearchParams) {
  const clientId = one(parameters, 'client_id') ?? '';
  // It is shown in lists of devices, on terminals.
  if (!/^[ -~]{0,128}$/.test(clientId)) {
    throw invalid('client_id', 'must be at most 128 printable ASCII characters');
  }
  return {
    service: one(parameters, 'service'),
    // By OAuth 2 it comes once, with all scopes in it; skopeo and podman send one for each.
    scopes: parseScopes(parameters.getAll('scope')),
    clientId,
  };
}

function readGrant(form: URLSearchParams): OAuthGrant {
  const type = one(form, 'grant_type');
  if (type === 'refresh_token') return { type, refreshToken: needed(form, 'refresh_token') };
  if (type !== 'password') {
    throw invalid('grant_type', 'must be password or refresh_token').with(
      type === undefined ? {} : { oauthError: 'unsupported_grant_type' },
    );
  }
  return { type, name: needed(form, 'username'), password: needed(form, 'password') };
}

function needed(form: URLSearchParams, name: string): string {
  const value = one(form, name);
  if (value === undefined || value === '') throw invalid(name, 'is missing');
  return value;
}

function one(parameters: URLSearchParams, name: string): string | undefined {
  const values = parameters.getAll(name);
  if (values.length > 1) throw invalid(name, 'was given more than once');
  return values[0];
}

function invalid(parameter: string, fault: string): OciError {
  return new OciError('PARAMETER_INVALID', {
    message: `the parameter ${parameter} ${fault}`,
    detail: { parameter },
  });
}
