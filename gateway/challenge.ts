import { OciError } from '../oci/errors.ts';
import type { Exchange } from './exchange.ts';

export interface ChallengeSettings {
  mode: 'bearer' | 'basic';
  /** Name of this installation, audience of its tokens. */
  service: string;
}

/**
 * Adds to a 401 the one challenge that goes with it. One, since docker 20.10 gives up on anonymous pulls when Basic
 * stands beside Bearer. Other errors come back as they are.
 */
export function withChallenge(error: unknown, exchange: Exchange, settings: ChallengeSettings): unknown {
  if (!(error instanceof OciError) || error.status !== 401 || error.headers['WWW-Authenticate']) return error;
  const challenge = settings.mode === 'basic' ? basicChallenge : bearerChallenge(exchange, settings.service);
  return error.with({ headers: { 'WWW-Authenticate': challenge } });
}

export const basicChallenge = 'Basic realm="Gatehouse"';

function bearerChallenge(exchange: Exchange, service: string): string {
  const realm = `${exchange.secure ? 'https' : 'http'}://${exchange.authority}/token`;
  const parameters = { realm, service, scope: exchange.scope, error: faultOf(exchange) };
  const texts = Object.entries(parameters).filter(([, value]) => value !== undefined);
  return `Bearer ${texts.map(([name, value]) => `${name}="${value}"`).join(',')}`;
}

/** RFC 6750 section 3.1: what was wrong with the token, when there was one. */
function faultOf({ request, actor }: Exchange): string | undefined {
  if (actor && !actor.expired) return actor.scopes === undefined ? undefined : 'insufficient_scope';
  return /^bearer\b/i.test(request.headers.authorization ?? '') ? 'invalid_token' : undefined;
}
