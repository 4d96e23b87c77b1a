import { isPattern, matchesAny } from '../../oci/repository-pattern.ts';
import type { AuditEntry } from '../../runtime/audit-entry.ts';

/** Which entries of the audit trail somebody wants to see; all that is given must hold. */
export interface AuditFilter {
  /** Who did it, or whom it was done to. */
  user?: string | undefined;
  /** A pattern. */
  repository?: string | undefined;
  /** `push`, or `user` for all of `user.…`. */
  action?: string | undefined;
  address?: string | undefined;
  /** Milliseconds since 1970; both are included. */
  since?: number | undefined;
  until?: number | undefined;
  /** Only entries about repositories that one of these patterns covers: what somebody may see. */
  within?: readonly string[] | undefined;
}

export function matchesFilter(entry: AuditEntry, filter: AuditFilter): boolean {
  const { user, repository, action, address, since, until, within } = filter;
  const inRepository = (patterns: readonly string[]) =>
    entry.repository !== undefined && matchesAny(patterns, entry.repository);
  return (
    (since === undefined || entry.at >= since) &&
    (until === undefined || entry.at <= until) &&
    (user === undefined || entry.actor === user || entry.subject === user) &&
    (action === undefined || entry.action === action || entry.action.startsWith(`${action}.`)) &&
    (address === undefined || entry.address === address) &&
    (repository === undefined || inRepository([repository])) &&
    (within === undefined || inRepository(within))
  );
}

/** Texts that a block has whenever an entry in it matches: most blocks need not be parsed. */
export function neededTexts({ user, repository, action, address }: AuditFilter): string[] {
  const open = (text: string) => JSON.stringify(text).slice(0, -1);
  return [
    ...(user === undefined ? [] : [JSON.stringify(user)]),
    ...(action === undefined ? [] : [`"action":${open(action)}`]),
    ...(address === undefined ? [] : [`"address":${JSON.stringify(address)}`]),
    ...(repository === undefined || !isPattern(repository)
      ? []
      : [`"repository":${open(repository.split('*', 1)[0]!)}`]),
  ];
}
