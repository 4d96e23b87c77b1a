import type { Audit } from './audit/access-log.ts';
import { type Exchange, limitedAs } from './exchange.ts';
import { singleHeader } from './headers.ts';
import { type Actor, type Identity, LoginFailure, parseAuthorization } from './identity/index.ts';
import type { Limits } from './limits/policy.ts';

export interface LoginParts {
  identity: Identity;
  limits: Limits;
  audit: Audit;
}

/**
 * Who makes the request; anonymous without credentials.
 * @throws OciError UNAUTHORIZED, TOOMANYREQUESTS, UNAVAILABLE
 */
export async function login(exchange: Exchange, parts: LoginParts): Promise<Actor> {
  // A large layer takes longer than a token lives: `access.ts` and the core see to it that it is the owner's own.
  const forgiveExpiry = exchange.endpoint?.kind === 'upload';
  const authorization = givenCredentials(exchange);
  const credentials = authorization === undefined ? undefined : parseAuthorization(authorization);
  if (credentials?.scheme === 'basic') {
    return await passwordLogin(exchange, credentials.name, credentials.password, parts);
  }
  // Credentials in the request count before a certificate, which then only opens the door.
  const byCertificate = authorization === undefined ? certificateLogin(exchange, parts) : undefined;
  return await admit(
    exchange,
    byCertificate ?? (await parts.identity.authenticate(authorization, { forgiveExpiry })),
    parts,
  );
}

/**
 * The one way in for a name and a password, wherever they stand in a request. The lock is looked at before the
 * password, which saves its cost, and again before the result is told: of many guesses sent at once none tells
 * anything once the pair is locked.
 * @throws OciError UNAUTHORIZED, TOOMANYREQUESTS, UNAVAILABLE
 */
export async function passwordLogin(
  exchange: Exchange,
  name: string,
  password: string,
  parts: LoginParts,
): Promise<Actor> {
  const admission = await parts.limits.admitLogin(exchange.clientAddress, name);
  let actor: Actor;
  try {
    actor = await parts.identity.verifyPassword(name, password, admission.slow);
  } catch (error) {
    if (!(error instanceof LoginFailure)) throw error;
    parts.audit.loginFailed(exchange, error);
    await admission.settle(false);
    throw error;
  }
  await admission.settle(true);
  return await admit(exchange, actor, parts);
}

/**
 * Who a refresh token was issued for.
 * @throws OciError UNAUTHORIZED, TOOMANYREQUESTS
 */
export async function refreshLogin(
  exchange: Exchange,
  refreshToken: string,
  service: string | undefined,
  parts: LoginParts,
): Promise<Actor> {
  try {
    return await admit(exchange, await parts.identity.redeem(refreshToken, service), parts);
  } catch (error) {
    if (error instanceof LoginFailure) parts.audit.loginFailed(exchange, error);
    throw error;
  }
}

/** @returns undefined where no certificate names an account. @throws OciError UNAUTHORIZED for a disabled one */
function certificateLogin({ client }: Exchange, { identity }: LoginParts): Actor | undefined {
  return client?.user === undefined ? undefined : identity.byCertificate(client.user, client.serial);
}

async function admit(exchange: Exchange, actor: Actor, { limits }: LoginParts): Promise<Actor> {
  exchange.actor = actor;
  await countRequest(exchange, limits);
  return actor;
}

/** Once for each request; of one whose login failed it is the address that counts. @throws OciError TOOMANYREQUESTS */
export function countRequest(exchange: Exchange, limits: Limits): Promise<void> {
  if (exchange.isCounted) return Promise.resolve();
  exchange.isCounted = true;
  const { endpoint } = exchange;
  const repository = endpoint && 'repository' in endpoint ? endpoint.repository : undefined;
  return limits.admitRequest(limitedAs(exchange), repository);
}

/** Of somebody who is not logged in `docker search` sends an empty name with an empty password. */
function givenCredentials({ request, endpoint }: Exchange): string | undefined {
  const authorization = singleHeader(request, 'authorization');
  return endpoint?.kind === 'search' && authorization === 'Basic Og==' ? undefined : authorization;
}
