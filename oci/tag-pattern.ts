import { isTag } from './reference.ts';
import { matchesSegment } from './repository-pattern.ts';

/** A pattern of tags: `*` stands for any characters, also none. `v*` covers `v1.2`, `*-rc*` covers `1.0-rc1`. */
export function isTagPattern(text: string): boolean {
  return isTag(text.replaceAll('*', 'a'));
}

/**
 * Clients that know no referrers give what refers to a manifest a tag made of its digest: `sha256-<hex>`
 * (distribution-spec "Referrers Tag Schema", which cuts the hex at 64), cosign with `.sig`, `.att` or `.sbom` behind.
 * @returns how the digest of the subject begins.
 */
export function subjectOfTag(tag: string): string | undefined {
  const [, algorithm, hex] = /^(sha256|sha512)-([0-9a-f]{64,128})(?:\.[a-z0-9]+)?$/.exec(tag) ?? [];
  return hex === undefined ? undefined : `${algorithm}:${hex}`;
}

export function matchesAnyTag(patterns: readonly string[], tag: string): boolean {
  return patterns.some((pattern) => matchesSegment(pattern, tag));
}
