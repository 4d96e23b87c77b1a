import { isRepository } from '../../oci/reference.ts';
import { matchesPattern } from '../../oci/repository-pattern.ts';
import type { Action, Decision, Scope } from './types.ts';

export interface Grant {
  /** A user name, `anonymous` or `authenticated`. */
  subject: string;
  pattern: string;
  actions: Action[];
}

/** What somebody may do, as it stands now. */
export interface Rights {
  user: boolean;
  admin: boolean;
  /** The pattern of the repositories that belong to the account by its name. */
  ownNamespace: string | undefined;
  grants: readonly Grant[];
}

export const noRights: Rights = { user: false, admin: false, ownNamespace: undefined, grants: [] };

/**
 * The one decision: endpoint, scope of a token and `gatehouse can` ask it. Deny by default.
 * @param scopes what the caller's token was issued for; undefined without a token.
 */
export function decide(
  rights: Rights,
  scopes: readonly Scope[] | undefined,
  repository: string,
  action: Action,
): Decision {
  const decision = decideRights(rights, repository, action);
  const inScope = (scope: Scope) =>
    scope.type === 'repository' && scope.name === repository && scope.actions.includes(action);
  return narrow(decision, scopes, inScope);
}

/** Listing is for every user, and for anonymous where there is anything to see. */
export function decideCatalog(rights: Rights, scopes: readonly Scope[] | undefined): Decision {
  const reason = rights.admin ? 'admin' : 'grant';
  const allowed = rights.user || rights.grants.some(({ actions }) => actions.includes('pull'));
  return narrow(allowed ? { allowed, reason } : { allowed, reason: 'no-grant' }, scopes, isCatalogScope);
}

/**
 * Patterns of what may be pulled. A token that was not issued for the catalog shows no more than the repositories
 * that it was issued for.
 */
export function readablePatterns(rights: Rights, scopes: readonly Scope[] | undefined): readonly string[] {
  if (scopes && !scopes.some(isCatalogScope)) {
    return scopes.map(({ name }) => name).filter((name) => decide(rights, scopes, name, 'pull').allowed);
  }
  if (rights.admin) return ['**'];
  const granted = rights.grants
    .filter(({ actions }) => actions.includes('pull'))
    .map(({ pattern }) => pattern);
  return [...new Set(rights.ownNamespace === undefined ? granted : [rights.ownNamespace, ...granted])];
}

/** What was asked for, as far as it is granted; nothing is left of a scope without any action. */
export function narrowScopes(rights: Rights, asked: readonly Scope[]): Scope[] {
  const narrowed = asked.map((scope) => ({ ...scope, actions: grantedActions(rights, scope) }));
  return narrowed.filter(({ actions }) => actions.length > 0);
}

function grantedActions(rights: Rights, { type, name, actions }: Scope): string[] {
  if (type === 'registry' && name === 'catalog') {
    return actions.includes('*') && decideCatalog(rights, undefined).allowed ? ['*'] : [];
  }
  if (type !== 'repository') return [];
  const wanted = (action: Action) => actions.includes(action) || actions.includes('*');
  return (['pull', 'push', 'delete'] as const).filter(
    (action) => wanted(action) && decideRights(rights, name, action).allowed,
  );
}

function decideRights(rights: Rights, repository: string, action: Action): Decision {
  // Whoever calls has parsed the name; a pattern must never be asked about anything else.
  if (!isRepository(repository)) return { allowed: false, reason: 'no-grant' };
  if (rights.admin) return { allowed: true, reason: 'admin' };
  if (rights.ownNamespace !== undefined && matchesPattern(rights.ownNamespace, repository)) {
    return { allowed: true, reason: 'own-namespace' };
  }
  const grant = rights.grants.find(
    ({ pattern, actions }) => actions.includes(action) && matchesPattern(pattern, repository),
  );
  return grant ? { allowed: true, reason: 'grant', grant } : { allowed: false, reason: 'no-grant' };
}

function narrow(
  decision: Decision,
  scopes: readonly Scope[] | undefined,
  inScope: (scope: Scope) => boolean,
): Decision {
  if (!decision.allowed || scopes === undefined || scopes.some(inScope)) return decision;
  return { ...decision, allowed: false, reason: 'scope' };
}

function isCatalogScope({ type, name, actions }: Scope): boolean {
  return type === 'registry' && name === 'catalog' && actions.includes('*');
}
