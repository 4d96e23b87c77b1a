import { isRepository } from './reference.ts';

/**
 * A pattern of repository names: segments joined by "/", where `*` stands for any characters within a segment
 * and a last segment `**` for one or more further segments. `team-a/**` covers `team-a/app` and `team-a/x/y`,
 * not `team-a`; `**` alone covers everything; `*` + `/base` covers `x/base`.
 */
const segmentGrammar = /^(?=.)[a-z0-9._*-]+$/;

export function isPattern(text: string): boolean {
  if (text.length > 255) return false;
  const segments = text.split('/');
  return segments.every((segment, index) => {
    if (segment === '**') return index === segments.length - 1;
    return (
      segmentGrammar.test(segment) && !segment.includes('**') && isRepository(segment.replaceAll('*', 'a'))
    );
  });
}

/** Whether the repository name is covered. A malformed pattern covers nothing (deny by default). */
export function matchesPattern(pattern: string, repository: string): boolean {
  if (!pattern.includes('*')) return pattern === repository && isRepository(pattern);
  if (!isPattern(pattern)) return false;
  const wanted = pattern.split('/');
  const given = repository.split('/');
  if (wanted.at(-1) === '**') {
    wanted.pop();
    if (given.length <= wanted.length) return false;
  } else if (given.length !== wanted.length) {
    return false;
  }
  return wanted.every((segment, index) => matchesSegment(segment, given[index]!));
}

export function matchesAny(patterns: readonly string[], repository: string): boolean {
  return patterns.some((pattern) => matchesPattern(pattern, repository));
}

/** The same for many names: exact names and `prefix/**` are looked up, however many there are. */
export function matcherOf(patterns: readonly string[]): (repository: string) => boolean {
  const exact = new Set(patterns.filter((pattern) => !pattern.includes('*')));
  const isTree = (pattern: string) => /^[^*]+\/\*\*$/.test(pattern) && isPattern(pattern);
  const trees = new Set(patterns.filter(isTree).map((pattern) => pattern.slice(0, -'/**'.length)));
  const others = patterns.filter((pattern) => pattern.includes('*') && !isTree(pattern));
  return (repository) =>
    exact.has(repository) ||
    ancestors(repository).some((name) => trees.has(name)) ||
    matchesAny(others, repository);
}

function ancestors(repository: string): string[] {
  const segments = repository.split('/');
  return segments.slice(1).map((_, index) => segments.slice(0, index + 1).join('/'));
}

/**
 * `*` within one segment. By hand, since a regular expression with many stars takes exponential time on a name
 * made for it; this goes back to the last star only, which is enough.
 */
export function matchesSegment(pattern: string, text: string): boolean {
  let [at, inText, star, resume] = [0, 0, -1, 0];
  while (inText < text.length) {
    if (pattern[at] === '*') {
      star = at++;
      resume = inText;
    } else if (pattern[at] === text[inText]) {
      at++;
      inText++;
    } else if (star >= 0) {
      at = star + 1;
      inText = ++resume;
    } else {
      return false;
    }
  }
  while (pattern[at] === '*') at++;
  return at === pattern.length;
}
