import { OciError } from '../oci/errors.ts';
import { basicChallenge } from './challenge.ts';
import { type Exchange, sendJson } from './exchange.ts';
import { parseScopes } from './identity/index.ts';
import { type LoginParts, login } from './login.ts';

/**
 * `GET /token` (distribution, "Token Authentication Specification"): Basic or no credentials in, a token out for
 * what of the wanted scopes is granted. `account`, `client_id` and `offline_token` say nothing that the
 * credentials do not.
 */
export async function answerToken(exchange: Exchange, query: string, parts: LoginParts): Promise<void> {
  const parameters = new URLSearchParams(query);
  parts.identity.checkService(one(parameters, 'service'));
  const scopes = parseScopes(parameters.getAll('scope'));
  try {
    const actor = await login(exchange, parts);
    const issued = await parts.identity.issueToken(actor, { scopes });
    sendJson(exchange, 200, issued, { 'Cache-Control': 'no-store' });
  } catch (error) {
    throw asBasic(error);
  }
}

/** A Bearer challenge would send the client back here. */
function asBasic(error: unknown): unknown {
  if (!(error instanceof OciError) || error.status !== 401) return error;
  const headers = { ...error.headers, 'WWW-Authenticate': basicChallenge };
  return new OciError(error.code, { message: error.message, detail: error.detail, headers, cause: error });
}

function one(parameters: URLSearchParams, name: string): string | undefined {
  const values = parameters.getAll(name);
  if (values.length <= 1) return values[0];
  throw new OciError('PARAMETER_INVALID', {
    message: 'query parameter given more than once',
    detail: { parameter: name },
  });
}
