import { OciError } from '../../oci/errors.ts';
import type { Exchange } from '../exchange.ts';
import { LoginFailure } from '../identity/index.ts';
import type { Metrics } from './metrics.ts';

/** Counts an error that says something of a login; limits count for themselves. */
export function countRefusal(error: unknown, { request, actor }: Exchange, metrics: Metrics): void {
  // An actor is known: it may not do what it asked for, but its login was good.
  if (!(error instanceof OciError) || error.status !== 401 || actor) return;
  const failure = loginFailure(error);
  if (failure) return metrics.loggedIn('password', failure.reason);
  const authorization = request.headers.authorization ?? '';
  const method = /^bearer\b/i.test(authorization) ? 'bearer' : authorization === '' ? 'none' : 'password';
  metrics.loggedIn(method, reasonOf(error));
}

/** The token route answers with an error of its own, which has the failure as its cause. */
function loginFailure(error: unknown): LoginFailure | undefined {
  if (error instanceof LoginFailure) return error;
  return error instanceof Error && error.cause !== undefined ? loginFailure(error.cause) : undefined;
}

/** The words are those of our own code, a handful; nothing of them comes from a client. */
function reasonOf({ detail }: OciError): string {
  const { reason } = (detail ?? {}) as { reason?: unknown };
  return typeof reason === 'string' ? reason : 'refused';
}
