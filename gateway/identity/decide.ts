import { intersectPatterns } from '../../oci/pattern-algebra.ts';
import { isRepository } from '../../oci/reference.ts';
import { matchesPattern } from '../../oci/repository-pattern.ts';
import { permits, type RepositoryRight } from '../../runtime/repository-rights.ts';
import type { Action, Decision, Scope } from './types.ts';

export interface Grant extends RepositoryRight {
  /** As `formatSubject` writes it. */
  subject: string;
  /** The template that it was made of; absent for one in users.db. */
  template?: string;
}

/** What somebody may do, as it stands now. */
export interface Rights {
  /** Whether somebody logged in: a user or a robot. */
  user: boolean;
  admin: boolean;
  grants: readonly Grant[];
  /** What a personal token or a robot is limited to; undefined: nothing beside its grants. */
  limit?: readonly RepositoryRight[];
}

export const noRights: Rights = { user: false, admin: false, grants: [] };

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

/** The actions of the scope `registry:catalog:…`; docker wants `search` for its search. */
export type CatalogUse = '*' | 'search';

/** Listing is for every user, and for anonymous where there is anything to see. */
export function decideCatalog(
  rights: Rights,
  scopes: readonly Scope[] | undefined,
  use: CatalogUse = '*',
): Decision {
  const reason = rights.admin ? 'admin' : 'grant';
  const allowed = rights.user || rights.grants.some(({ actions }) => permits(actions, 'pull'));
  return narrow(allowed ? { allowed, reason } : { allowed, reason: 'no-grant' }, scopes, isCatalogScope(use));
}

/**
 * Patterns of what may be pulled. A token that was not issued for the catalog shows no more than the repositories
 * that it was issued for.
 */
export function readablePatterns(
  rights: Rights,
  scopes: readonly Scope[] | undefined,
  use: CatalogUse = '*',
): readonly string[] {
  if (scopes && !scopes.some(isCatalogScope(use))) {
    return scopes.map(({ name }) => name).filter((name) => decide(rights, scopes, name, 'pull').allowed);
  }
  const { admin, grants, limit } = rights;
  if (admin && !limit) return ['**'];
  const everywhere: Grant = { subject: '', pattern: '**', actions: ['pull'] };
  const granted = admin ? [everywhere, ...grants.filter(isForAnybody)] : grants;
  const readable = granted.filter(({ actions }) => permits(actions, 'pull'));
  const within = (limit ?? []).filter(({ actions }) => permits(actions, 'pull'));
  const patterns = readable.flatMap((grant) =>
    !limit || isForAnybody(grant)
      ? [grant.pattern]
      : within.flatMap(({ pattern }) => intersectPatterns(grant.pattern, pattern)),
  );
  return [...new Set(patterns)];
}

/** What was asked for, as far as it is granted; nothing is left of a scope without any action. */
export function narrowScopes(rights: Rights, asked: readonly Scope[]): Scope[] {
  const narrowed = asked.map((scope) => ({ ...scope, actions: grantedActions(rights, scope) }));
  return narrowed.filter(({ actions }) => actions.length > 0);
}

function grantedActions(rights: Rights, { type, name, actions }: Scope): string[] {
  if (type === 'registry' && name === 'catalog') {
    const uses = (['*', 'search'] as const).filter((use) => actions.includes(use));
    return decideCatalog(rights, undefined).allowed ? uses : [];
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
  const covers = ({ pattern, actions }: RepositoryRight) =>
    permits(actions, action) && matchesPattern(pattern, repository);
  const isLimited = rights.limit !== undefined && !rights.limit.some(covers);
  const free = isLimited && rights.grants.find((grant) => isForAnybody(grant) && covers(grant));
  if (free) return { allowed: true, reason: 'grant', grant: free };
  const decision = decideGrants(rights, covers);
  return decision.allowed && isLimited ? { ...decision, allowed: false, reason: 'limit' } : decision;
}

/** @param covers whether a grant gives what is wanted. */
export function decideGrants({ admin, grants }: Rights, covers: (grant: Grant) => boolean): Decision {
  if (admin) return { allowed: true, reason: 'admin' };
  const grant = grants.find(covers);
  if (!grant) return { allowed: false, reason: 'no-grant' };
  return { allowed: true, reason: grant.template === undefined ? 'grant' : 'template', grant };
}

/** No limit takes away what its holder could do without logging in. */
function isForAnybody({ subject }: Grant): boolean {
  return subject === 'anonymous';
}

function narrow(
  decision: Decision,
  scopes: readonly Scope[] | undefined,
  inScope: (scope: Scope) => boolean,
): Decision {
  if (!decision.allowed || scopes === undefined || scopes.some(inScope)) return decision;
  return { ...decision, allowed: false, reason: 'scope' };
}

/** The whole catalog is good for searching it, too. */
function isCatalogScope(use: CatalogUse): (scope: Scope) => boolean {
  return ({ type, name, actions }) =>
    type === 'registry' && name === 'catalog' && (actions.includes('*') || actions.includes(use));
}
