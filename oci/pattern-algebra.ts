import { isPattern, matchesSegment } from './repository-pattern.ts';

/** Stands for what a star of the inner pattern may be; in no pattern, so only a star of the outer one takes it. */
const anything = '\u0000';
/** More would be a pattern made to cost; what is left out is not covered by the result. */
const maxAlternatives = 64;

/**
 * Whether every name that `inner` covers is covered by `outer`. Never says so wrongly: a star of `inner` must fall
 * under a star of `outer`, which then takes whatever the inner one stands for. Malformed patterns: no.
 */
export function coversPattern(outer: string, inner: string): boolean {
  if (!isPattern(outer) || !isPattern(inner)) return false;
  const wide = readPattern(outer);
  const narrow = readPattern(inner);
  const { length } = wide.segments;
  if (narrow.segments.length < length) return false;
  if (!wide.open && (narrow.open || narrow.segments.length > length)) return false;
  // `team/**` does not cover `team`; an open inner pattern has one part more than it shows.
  if (wide.open && !narrow.open && narrow.segments.length === length) return false;
  return wide.segments.every((segment, index) =>
    matchesSegment(segment, narrow.segments[index]!.replaceAll('*', anything)),
  );
}

/** Patterns that together cover exactly the names which both cover; none for malformed ones. */
export function intersectPatterns(one: string, other: string): string[] {
  if (!isPattern(one) || !isPattern(other)) return [];
  const [short, long] = [readPattern(one), readPattern(other)].sort(
    (a, b) => a.segments.length - b.segments.length || Number(b.open) - Number(a.open),
  ) as [Pattern, Pattern];
  if (short.segments.length < long.segments.length && !short.open) return [];
  if (short.open && !long.open && short.segments.length === long.segments.length) return [];
  let found = [''];
  for (const [index, segment] of long.segments.entries()) {
    const shared =
      index < short.segments.length ? intersectGlobs(short.segments[index]!, segment) : [segment];
    found = found.flatMap((head) => shared.map((tail) => (index === 0 ? tail : `${head}/${tail}`)));
    found = found.slice(0, maxAlternatives);
  }
  if (long.open && short.open)
    found = found.map((text) => (long.segments.length === 0 ? '**' : `${text}/**`));
  return found.filter(isPattern);
}

interface Pattern {
  segments: string[];
  /** Ends in `**`: one part or more follow. */
  open: boolean;
}

function readPattern(text: string): Pattern {
  const segments = text.split('/');
  const open = segments.at(-1) === '**';
  return { segments: open ? segments.slice(0, -1) : segments, open };
}

/** What two segments with stars have in common, as segments with stars. */
function intersectGlobs(one: string, other: string): string[] {
  const known = new Map<string, Set<string>>();
  const common = (a: number, b: number): Set<string> => {
    const key = `${a},${b}`;
    const found = known.get(key) ?? new Set<string>();
    if (known.has(key)) return found;
    known.set(key, found);
    const add = (head: string, tails: Set<string>) => {
      for (const tail of tails) {
        if (found.size < maxAlternatives) found.add((head + tail).replace(/\*+/g, '*'));
      }
    };
    const [left, right] = [one[a], other[b]];
    if (left === undefined && right === undefined) found.add('');
    else if (left === '*' && right === '*') {
      // One of the two stars is at its end where the other may go on.
      add('*', common(a + 1, b));
      add('*', common(a, b + 1));
    } else if (left === '*') {
      add('', common(a + 1, b));
      if (right !== undefined) add(right, common(a, b + 1));
    } else if (right === '*') {
      add('', common(a, b + 1));
      if (left !== undefined) add(left, common(a + 1, b));
    } else if (left === right) add(left!, common(a + 1, b + 1));
    return found;
  };
  return [...common(0, 0)];
}
