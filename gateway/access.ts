import type { Endpoint } from '../oci/endpoints.ts';
import { OciError } from '../oci/errors.ts';
import { type Action, type Actor, type Decision, type Identity, tokenExpired } from './identity/index.ts';

export interface Right {
  repository: string;
  action: Action;
}

const catalogScope = 'registry:catalog:*';
/** Docker asks for a token of this one without being told. */
const searchScope = 'registry:catalog:search';

/** Endpoint → the right that it needs; undefined where it concerns no repository. */
export function rightNeeded(endpoint: Endpoint): Right | undefined {
  switch (endpoint.kind) {
    case 'base':
    case 'catalog':
    case 'search':
      return undefined;
    case 'tags':
    case 'referrers':
      return { repository: endpoint.repository, action: 'pull' };
    case 'manifest':
    case 'blob':
      return { repository: endpoint.repository, action: contentAction(endpoint.method) };
    case 'uploads':
    case 'upload':
      return { repository: endpoint.repository, action: 'push' };
  }
}

/** Scope of the token that a client should get for the endpoint (distribution, "Token Scope Documentation"). */
export function scopeNeeded(endpoint: Endpoint): string | undefined {
  if (endpoint.kind === 'catalog') return catalogScope;
  if (endpoint.kind === 'search') return searchScope;
  const right = rightNeeded(endpoint);
  if (!right) return undefined;
  const scope = `repository:${right.repository}:${right.action === 'push' ? 'pull,push' : right.action}`;
  return endpoint.kind === 'uploads' && endpoint.mount ? `${scope}${mountScope(endpoint)}` : scope;
}

/** Where a mount may come from anywhere, the token must be one that may look everywhere. */
function mountScope({ repository, from }: Extract<Endpoint, { kind: 'uploads' }>): string {
  if (from === undefined) return ` ${catalogScope}`;
  return from === repository ? '' : ` repository:${from}:pull`;
}

/** What the core may do for an actor. */
export interface Permission {
  /** The endpoint as the core may see it. */
  endpoint: Endpoint;
  /** For what looks across repositories: the patterns of those that may be looked at. */
  readable?: readonly string[];
  /** Nothing but an upload session that the caller has started. */
  ownerOnly?: true;
}

/**
 * @param hasCredentials whether the request brought any. Without, `/v2/` is refused even where anonymous may pull:
 *   clients take its 200 for "no login needed" and then never send theirs.
 * @throws OciError UNAUTHORIZED when other credentials may help, DENIED when none of this account will.
 */
export function authorise(
  endpoint: Endpoint,
  actor: Actor,
  hasCredentials: boolean,
  identity: Identity,
): Permission {
  if (actor.expired && endpoint.kind !== 'upload') throw tokenExpired();
  if (endpoint.kind === 'base') {
    if (!hasCredentials) throw new OciError('UNAUTHORIZED');
    return { endpoint };
  }
  if (endpoint.kind === 'catalog') {
    demand(identity.decideCatalog(actor), actor, { action: 'catalog' });
    return { endpoint, readable: identity.readablePatterns(actor) };
  }
  if (endpoint.kind === 'search') {
    demand(identity.decideCatalog(actor, 'search'), actor, { action: 'search' });
    return { endpoint, readable: identity.readablePatterns(actor, 'search') };
  }
  const right = rightNeeded(endpoint)!;
  demand(identity.decide(actor, right.repository, right.action), actor, right);
  if (endpoint.kind === 'uploads') return checkMount(endpoint, actor, identity);
  return actor.expired ? { endpoint, ownerOnly: true } : { endpoint };
}

/**
 * A mount may take only from what the caller may pull. Otherwise it becomes an ordinary upload, as the specification
 * lets a registry answer any mount; a refusal would tell that the other repository exists. A token that was not
 * asked for any other repository is refused, since one that is will save the upload.
 */
function checkMount(
  endpoint: Extract<Endpoint, { kind: 'uploads' }>,
  actor: Actor,
  identity: Identity,
): Permission {
  const { mount, from, ...upload } = endpoint;
  if (mount === undefined) return { endpoint: upload };
  if (from === undefined) {
    const readable = identity.readablePatterns(actor);
    const hasOther = readable.some((pattern) => pattern !== endpoint.repository);
    if (!hasOther) demandScope(identity.decideCatalog(actor), { action: 'catalog' });
    return { endpoint, readable };
  }
  const decision = identity.decide(actor, from, 'pull');
  demandScope(decision, { repository: from, action: 'pull' });
  return { endpoint: decision.allowed ? endpoint : upload };
}

function demand(decision: Decision, actor: Actor, wanted: { repository?: string; action: string }): void {
  if (decision.allowed) return;
  demandScope(decision, wanted);
  if (actor.kind === 'anonymous') throw new OciError('UNAUTHORIZED', { detail: wanted });
  throw new OciError('DENIED', { detail: wanted });
}

/** What another token of the same account may do, this one is refused for. */
function demandScope({ reason }: Decision, wanted: { repository?: string; action: string }): void {
  if (reason !== 'scope') return;
  throw new OciError('UNAUTHORIZED', { message: 'the token was not issued for this', detail: wanted });
}

function contentAction(method: 'GET' | 'HEAD' | 'PUT' | 'DELETE'): Action {
  if (method === 'DELETE') return 'delete';
  return method === 'PUT' ? 'push' : 'pull';
}
