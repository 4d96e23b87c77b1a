import { OciError } from '../oci/errors.ts';
import { basicChallenge } from './challenge.ts';
import { type Exchange, limitedAs, sendJson } from './exchange.ts';
import { readForm } from './form-body.ts';
import type { Actor } from './identity/index.ts';
import { type LoginParts, login, passwordLogin, refreshLogin } from './login.ts';
import { readTokenForm, readTokenQuery, type TokenRequest } from './token-request.ts';

/** `GET` and `POST /token`: credentials or none in, a token out for what of the wanted scopes is granted. */
export async function answerToken(exchange: Exchange, query: string, parts: LoginParts): Promise<void> {
  const isPost = exchange.request.method === 'POST';
  try {
    await (isPost ? answerPost(exchange, query, parts) : answerGet(exchange, query, parts));
  } catch (error) {
    throw isPost ? withOAuth(asBasic(error)) : asBasic(error);
  }
}

/** Distribution, "Token Authentication Specification": Basic, or nothing for an anonymous token. */
async function answerGet(exchange: Exchange, query: string, parts: LoginParts): Promise<void> {
  const wanted = readTokenQuery(query);
  parts.identity.checkService(wanted.service);
  await issue(exchange, wanted, await login(exchange, parts), parts);
}

/** Distribution, "OAuth 2 Token Authentication"; RFC 6749 sections 4.3 and 6. */
async function answerPost(exchange: Exchange, query: string, parts: LoginParts): Promise<void> {
  const { request, response } = exchange;
  if (query !== '' || request.headers.authorization !== undefined) {
    throw new OciError('PARAMETER_INVALID', {
      message: 'parameters and credentials of a POST belong into its body, and nowhere else',
    });
  }
  const { grant, ...wanted } = readTokenForm(await readForm(request, response));
  parts.identity.checkService(wanted.service);
  const actor =
    grant.type === 'password'
      ? await passwordLogin(exchange, grant.name, grant.password, parts)
      : await refreshLogin(exchange, grant.refreshToken, wanted.service, parts);
  await issue(exchange, wanted, actor, parts);
}

async function issue(
  exchange: Exchange,
  { scopes, service, clientId, wantsRefreshToken }: TokenRequest,
  actor: Actor,
  { identity, limits }: LoginParts,
): Promise<void> {
  await limits.admitToken(limitedAs(exchange));
  const device = { clientId, clientAddress: exchange.clientAddress };
  const issued = await identity.issueToken(actor, { scopes, service, ...(wantsRefreshToken && { device }) });
  sendJson(exchange, 200, issued, { 'Cache-Control': 'no-store', Pragma: 'no-cache' });
}

/** A Bearer challenge would send the client back here. */
function asBasic(error: unknown): unknown {
  if (!(error instanceof OciError) || error.status !== 401) return error;
  return error.with({ headers: { 'WWW-Authenticate': basicChallenge } });
}

/**
 * The `error` that RFC 6749 section 5.2 has for it. Its 400 for bad credentials stays 401: registry clients tell a wrong
 * password from a bad request by it.
 */
function withOAuth(error: unknown): unknown {
  if (!(error instanceof OciError) || error.oauthError !== undefined) return error;
  const scopeIsWrong = (error.detail as { scope?: unknown } | undefined)?.scope !== undefined;
  const byStatus: Record<number, string> = {
    400: 'invalid_request',
    401: 'invalid_grant',
    403: 'access_denied',
  };
  const otherwise =
    error.status < 500 && error.status !== 429 ? 'invalid_request' : 'temporarily_unavailable';
  return error.with({ oauthError: scopeIsWrong ? 'invalid_scope' : (byStatus[error.status] ?? otherwise) });
}
