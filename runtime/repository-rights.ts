import { isPattern } from '../oci/repository-pattern.ts';

/** What can be done with a repository, in the order in which it is written. */
export const repositoryActions = ['pull', 'push', 'delete', 'admin'] as const;
export type RepositoryAction = (typeof repositoryActions)[number];

/** Actions in all repositories that a pattern covers. */
export interface RepositoryRight {
  pattern: string;
  actions: RepositoryAction[];
}

/**
 * Reads `team-a/**=pull,push shared/**=pull`; entries are separated by white space, `,` or `;`. Actions without a
 * pattern are for all repositories: `pull,push`. The actions of one pattern that comes twice are put together.
 * @param isValid what may stand before `=`.
 * @returns undefined when the text is malformed or says nothing.
 */
export function parseRights(text: string, isValid = isPattern): RepositoryRight[] | undefined {
  const rights = new Map<string, Set<string>>();
  let pattern = '**';
  for (const word of text.split(/[\s,;]+/).filter((part) => part !== '')) {
    const [first = '', action = first, ...more] = word.split('=');
    if (word.includes('=')) pattern = first;
    const isAction = (repositoryActions as readonly string[]).includes(action);
    if (!isAction || more.length > 0 || !isValid(pattern)) return undefined;
    rights.set(pattern, (rights.get(pattern) ?? new Set()).add(action));
  }
  if (rights.size === 0) return undefined;
  return [...rights].map(([of, actions]) => ({
    pattern: of,
    actions: repositoryActions.filter((action) => actions.has(action)),
  }));
}

/** As `parseRights` reads it. */
export function formatRights(rights: readonly RepositoryRight[]): string {
  return rights.map(({ pattern, actions }) => `${pattern}=${actions.join(',')}`).join(' ');
}

/** Whether granted actions permit one: who administers repositories may do everything with them. */
export function permits(granted: readonly RepositoryAction[], action: RepositoryAction): boolean {
  return granted.includes(action) || granted.includes('admin');
}

/**
 * Whether a text is a pattern with one placeholder, `{user}` or `{team}`, as a whole part of it: in `{user}-x` the
 * name `a` would reach into what belongs to `a-x`.
 */
export function isTemplate(text: string): boolean {
  const isPlaceholder = (part: string) => part === '{user}' || part === '{team}';
  const parts = text.split('/');
  const filled = parts.map((part) => (isPlaceholder(part) ? 'a' : part));
  return parts.filter(isPlaceholder).length === 1 && isPattern(filled.join('/'));
}
