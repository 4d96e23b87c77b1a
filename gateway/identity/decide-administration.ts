import { coversPattern } from '../../oci/pattern-algebra.ts';
import { isPattern } from '../../oci/repository-pattern.ts';
import type { RepositoryRight } from '../../runtime/repository-rights.ts';
import { decideGrants, type Rights } from './decide.ts';
import type { Decision, Scope } from './types.ts';

/**
 * Whether somebody may give rights on a pattern to others: an administrator, or who has `admin` on a pattern that
 * covers it whole. Never with a Bearer token, which is issued for repositories only.
 */
export function decideAdministration(
  rights: Rights,
  scopes: readonly Scope[] | undefined,
  pattern: string,
): Decision {
  const covers = (right: RepositoryRight) =>
    right.actions.includes('admin') && coversPattern(right.pattern, pattern);
  if (!isPattern(pattern)) return { allowed: false, reason: 'no-grant' };
  const isLimited = rights.limit !== undefined && !rights.limit.some(covers);
  const decision = decideGrants(rights, covers);
  if (decision.allowed && isLimited) return { ...decision, allowed: false, reason: 'limit' };
  return decision.allowed && scopes ? { ...decision, allowed: false, reason: 'scope' } : decision;
}

/** Whether somebody may change everything: users, teams, and rights on whatever there is. */
export function isSiteAdministrator({ admin, limit }: Rights, scopes: readonly Scope[] | undefined): boolean {
  return admin && limit === undefined && scopes === undefined;
}
