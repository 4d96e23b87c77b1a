import { isPattern, matchesPattern } from '../../oci/repository-pattern.ts';
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
  /** What somebody may see; asked with the repository that an entry is about, if it is about one. */
  isVisible?: ((repository: string | undefined) => boolean) | undefined;
}

export function matchesFilter(entry: AuditEntry, filter: AuditFilter): boolean {
  const { user, repository, action, address, since, until, isVisible } = filter;
  return (
    (since === undefined || entry.at >= since) &&
    (until === undefined || entry.at <= until) &&
    (user === undefined || entry.actor === user || entry.subject === user) &&
    (action === undefined || entry.action === action || entry.action.startsWith(`${action}.`)) &&
    (address === undefined || entry.address === address) &&
    (repository === undefined || matchesPattern(repository, entry.repository ?? '')) &&
    (isVisible === undefined || isVisible(entry.repository))
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
