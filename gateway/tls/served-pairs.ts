import { isIP } from 'node:net';
import type { SecureContext } from 'node:tls';
import type { ClientAuthority } from '../../certs/index.ts';
import type { ServedPair } from './served-pair.ts';

/**
 * The pair for a server name: the first that holds it, then the first with a wildcard for it, then the default one.
 * Clients that ask by address send no name (RFC 6066, section 3).
 */
export function choosePair(pairs: readonly ServedPair[], servername: string): ServedPair {
  const name = servername.toLowerCase().replace(/\.$/, '');
  // The own pair has all names, so that it can serve until the ACME authority has issued another one.
  const own = pairs.filter(({ source }) => source === 'own');
  const usable = pairs.filter((pair) => pair.pair !== undefined && !own.includes(pair));
  const wildcard = name.replace(/^[^.]+/, '*');
  return (
    usable.find(({ names }) => names.includes(name)) ??
    usable.find(({ names }) => isIP(name) === 0 && names.includes(wildcard)) ??
    pairs[0]!
  );
}

/** For `SNICallback`; undefined stands for the server's default context. */
export function chooseContext(
  pairs: readonly ServedPair[],
  servername: string,
  clients: ClientAuthority | undefined,
): SecureContext | undefined {
  const chosen = choosePair(pairs, servername);
  return chosen === pairs[0] ? undefined : chosen.context(clients);
}
