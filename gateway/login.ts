import type { Audit } from './audit/access-log.ts';
import type { Exchange } from './exchange.ts';
import { singleHeader } from './headers.ts';
import { type Actor, type Identity, LoginFailure } from './identity/index.ts';
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
  const authorization = singleHeader(exchange.request, 'authorization');
  const account = basicAccount(authorization);
  const actor =
    account === undefined
      ? await parts.identity.authenticate(authorization)
      : await passwordLogin(exchange, authorization!, account, parts);
  exchange.actor = actor;
  if (actor.kind !== 'anonymous') await parts.limits.admitAccount(actor.name);
  return actor;
}

/**
 * The limit is looked at before the password, which saves its cost, and again before the result is told: of many
 * guesses sent at once none tells anything once the limit is reached.
 */
async function passwordLogin(
  exchange: Exchange,
  authorization: string,
  account: string,
  { identity, limits, audit }: LoginParts,
): Promise<Actor> {
  const { clientAddress } = exchange;
  await limits.admitLogin(clientAddress, account);
  try {
    const actor = await identity.authenticate(authorization);
    await limits.admitLogin(clientAddress, account);
    return actor;
  } catch (error) {
    if (!(error instanceof LoginFailure)) throw error;
    audit.loginFailed(exchange, error);
    await limits.admitLogin(clientAddress, account);
    await limits.countFailedLogin(clientAddress, account);
    throw error;
  }
}

/** Name in Basic credentials, for the count only; `identity` reads them strictly. */
function basicAccount(authorization: string | undefined): string | undefined {
  const credentials = /^basic +([a-z0-9+/=_-]*)/i.exec(authorization ?? '')?.[1];
  if (credentials === undefined) return undefined;
  return Buffer.from(credentials, 'base64').toString('utf8').split(':', 1)[0];
}
