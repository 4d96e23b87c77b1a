import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import type { Config } from '../runtime/config-schema.ts';
import type { ProxiedConnections } from './proxied/connections.ts';
import { type Hop, parseForwarded } from './proxied/forwarded.ts';
import { canonicalAddress, networkCheck } from './proxied/networks.ts';

export interface ClientOrigin {
  address: string;
  /** The connection comes from a listed proxy, whose word is taken. */
  throughProxy: boolean;
  /** HTTPS between the client and us, or between the client and the proxy. */
  secure: boolean;
}

export type ClientOriginReader = (request: IncomingMessage, encrypted: boolean) => ClientOrigin;

type ProxySettings = Pick<Config, 'proxy.trusted' | 'proxy.header'>;

/**
 * Where a request comes from. What a header says counts only when the connection comes from one of `proxy.trusted`;
 * then the rightmost hop that is not itself listed is the client, since everything to the left of it is what the client
 * claims. Only the header that is set is read: a proxy writes one of them, and passes a client's other one on.
 * @param connections what the PROXY protocol said of them, where it is spoken.
 */
export function clientOriginReader(
  { 'proxy.trusted': trusted, 'proxy.header': header }: ProxySettings,
  connections?: ProxiedConnections,
): ClientOriginReader {
  const isTrusted = networkCheck(trusted);
  const readHops = header === 'forwarded' ? forwardedHops : header === 'none' ? () => [] : xForwardedHops;
  return (request, encrypted) => {
    const peer =
      connections?.sourceOf(request.socket) ?? canonicalAddress(request.socket.remoteAddress ?? '');
    if (!isTrusted(peer)) return { address: peer, throughProxy: false, secure: encrypted };
    const { address, protocol } = rightmostUntrusted(peer, readHops(request), isTrusted);
    return {
      address: address ?? peer,
      throughProxy: true,
      secure: protocol === undefined ? encrypted : protocol === 'https',
    };
  };
}

function rightmostUntrusted(peer: string, hops: Hop[], isTrusted: (address: string) => boolean): Hop {
  let client: Hop = { address: peer, protocol: undefined };
  for (const hop of hops.reverse()) {
    // What cannot be read cannot be followed: the nearest hop that is known stands for the client.
    if (hop.address === undefined)
      return { address: client.address, protocol: hop.protocol ?? client.protocol };
    client = hop;
    if (!isTrusted(hop.address)) return client;
  }
  return client;
}

/** One protocol for all of them: what the nearest proxy says in `X-Forwarded-Proto`. */
function xForwardedHops(request: IncomingMessage): Hop[] {
  const protocol = listValues(request, 'x-forwarded-proto').at(-1)?.toLowerCase();
  const hops = listValues(request, 'x-forwarded-for').map((hop) => ({ address: hopAddress(hop), protocol }));
  return hops.length > 0 ? hops : [{ address: undefined, protocol }];
}

/** An entry of X-Forwarded-For; some proxies add the port. */
function hopAddress(hop: string): string | undefined {
  const bare = hop.replace(/^\[([^\]]*)\](?::[0-9]+)?$/, '$1').replace(/^([0-9.]+):[0-9]+$/, '$1');
  return isIP(bare) === 0 ? undefined : canonicalAddress(bare);
}

/** Line by line: what a client broke in its own takes nothing from the one that a proxy added. */
function forwardedHops({ rawHeaders }: IncomingMessage): Hop[] {
  const hops: Hop[] = [];
  for (let index = 0; index < rawHeaders.length; index += 2) {
    if (rawHeaders[index]!.toLowerCase() !== 'forwarded') continue;
    hops.push(...(parseForwarded(rawHeaders[index + 1]!) ?? [{ address: undefined, protocol: undefined }]));
  }
  return hops;
}

function listValues(request: IncomingMessage, name: string): string[] {
  const value = request.headers[name];
  const text = Array.isArray(value) ? value.join(',') : (value ?? '');
  return text
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');
}
