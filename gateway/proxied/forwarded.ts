import { isIPv4, isIPv6 } from 'node:net';
import { canonicalAddress } from './networks.ts';

/** What one proxy says of the connection that it took. */
export interface Hop {
  /** Undefined where it says none, or hides it. */
  address: string | undefined;
  /** `http` or `https`; lower case. */
  protocol: string | undefined;
}

const token = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const pair = new RegExp(
  `(${token})=(?:(${token})|"((?:[^"\\\\\\x00-\\x1f\\x7f]|\\\\[\\t\\x20-\\x7e])*)")`,
  'y',
);
const gap = /[ \t]*/y;

/**
 * The elements of one `Forwarded` header line (RFC 7239 section 4), the first proxy’s first.
 * @returns undefined when it is malformed: nothing of it can be believed then, since a quote that a client left open
 *   may have swallowed what a proxy added.
 */
export function parseForwarded(line: string): Hop[] | undefined {
  const hops: Hop[] = [];
  let parameters = new Map<string, string>();
  let at = 0;
  const skip = () => {
    gap.lastIndex = at;
    at += gap.exec(line)![0].length;
  };
  for (skip(); at < line.length; ) {
    if (line[at] === ',') {
      at++;
      if (parameters.size > 0) hops.push(toHop(parameters));
      parameters = new Map();
      skip();
      continue;
    }
    if (line[at] === ';') {
      at++;
      continue;
    }
    pair.lastIndex = at;
    const match = pair.exec(line);
    const name = match?.[1]?.toLowerCase();
    if (!match || name === undefined || parameters.has(name)) return undefined;
    parameters.set(name, match[2] ?? match[3]!.replace(/\\(.)/g, '$1'));
    at = pair.lastIndex;
    skip();
    if (at < line.length && line[at] !== ',' && line[at] !== ';') return undefined;
  }
  if (parameters.size > 0) hops.push(toHop(parameters));
  return hops;
}

function toHop(parameters: ReadonlyMap<string, string>): Hop {
  return {
    address: nodeAddress(parameters.get('for') ?? ''),
    protocol: parameters.get('proto')?.toLowerCase(),
  };
}

/** RFC 7239 section 6; `unknown` and obfuscated identifiers (`_…`) name nobody. */
function nodeAddress(node: string): string | undefined {
  const match = /^(?:\[([0-9a-f:.]+)\]|([0-9.]+))(?::(?:[0-9]{1,5}|_[0-9a-z._-]+))?$/i.exec(node);
  if (!match) return undefined;
  const [, six, four] = match;
  if (six !== undefined) return isIPv6(six) ? canonicalAddress(six) : undefined;
  return isIPv4(four!) ? four : undefined;
}
