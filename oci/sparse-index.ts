import type { Descriptor } from './descriptor.ts';
import type { Digest } from './digest.ts';

/**
 * Whether an index may list manifests that its repository does not have: never, any, or any but those of these
 * platforms (`os/architecture` or `os/architecture/variant`).
 */
export type SparseIndex = 'deny' | 'allow' | readonly string[];

const platformGrammar = /^[a-z0-9]+\/[a-z0-9_]+(?:\/[a-z0-9_.]+)?$/;

/** @returns undefined when the text is neither `deny` nor `allow` nor platforms separated by commas. */
export function parseSparseIndex(text: string): SparseIndex | undefined {
  if (text === 'deny' || text === 'allow') return text;
  const platforms = text.split(',').map((entry) => entry.trim());
  return platforms.every((entry) => platformGrammar.test(entry)) ? Object.freeze(platforms) : undefined;
}

/** Of the entries of an index those that must be in the repository. One without a platform may be any's. */
export function neededChildren(
  entries: readonly Pick<Descriptor, 'digest' | 'platform'>[],
  sparse: SparseIndex,
): Digest[] {
  if (sparse === 'allow') return [];
  const needed = sparse === 'deny' ? entries : entries.filter(({ platform }) => isOf(platform, sparse));
  return [...new Set(needed.map(({ digest }) => digest))];
}

/** `linux/arm` stands for its variants, too. */
function isOf(platform: string | undefined, wanted: readonly string[]): boolean {
  return (
    platform === undefined || wanted.some((entry) => platform === entry || platform.startsWith(`${entry}/`))
  );
}
