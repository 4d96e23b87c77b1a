import type { IncomingMessage } from 'node:http';
import { BlockList, isIP } from 'node:net';

export interface ClientOrigin {
  address: string;
  /** The connection comes from a listed proxy, whose word is taken. */
  throughProxy: boolean;
  /** HTTPS between the client and us, or between the client and the proxy. */
  secure: boolean;
}

export type ClientOriginReader = (request: IncomingMessage, encrypted: boolean) => ClientOrigin;

/**
 * Where a request comes from. `X-Forwarded-For` and `X-Forwarded-Proto` count only when the connection comes from
 * one of `trusted` (addresses and networks); then the rightmost hop that is not itself listed is the client, since
 * everything to the left of it is what the client claims.
 */
export function clientOriginReader(trusted: readonly string[]): ClientOriginReader {
  const isTrusted = networkCheck(trusted);
  return (request, encrypted) => {
    const peer = canonicalAddress(request.socket.remoteAddress ?? '');
    if (!isTrusted(peer)) return { address: peer, throughProxy: false, secure: encrypted };
    const protocol = listValues(request, 'x-forwarded-proto').at(-1)?.toLowerCase();
    return {
      address: rightmostUntrusted(peer, listValues(request, 'x-forwarded-for'), isTrusted),
      throughProxy: true,
      secure: protocol === undefined ? encrypted : protocol === 'https',
    };
  };
}

function rightmostUntrusted(peer: string, hops: string[], isTrusted: (address: string) => boolean): string {
  let client = peer;
  for (const hop of hops.reverse()) {
    const address = hopAddress(hop);
    // What cannot be read cannot be followed: the nearest hop that is known stands for the client.
    if (address === undefined) return client;
    client = address;
    if (!isTrusted(address)) return client;
  }
  return client;
}

/** An entry of X-Forwarded-For; some proxies add the port. */
function hopAddress(hop: string): string | undefined {
  const bare = hop.replace(/^\[([^\]]*)\](?::[0-9]+)?$/, '$1').replace(/^([0-9.]+):[0-9]+$/, '$1');
  return isIP(bare) === 0 ? undefined : canonicalAddress(bare);
}

/** Whether an address is one of those, or in one of those networks. */
export function networkCheck(trusted: readonly string[]): (address: string) => boolean {
  if (trusted.length === 0) return () => false;
  const networks = new BlockList();
  for (const entry of trusted) {
    const [address = '', bits] = entry.split('/');
    const family = isIP(address) === 4 ? 'ipv4' : 'ipv6';
    networks.addSubnet(address, bits === undefined ? (family === 'ipv4' ? 32 : 128) : Number(bits), family);
  }
  return (address) => {
    const version = isIP(address);
    return version !== 0 && networks.check(address, version === 4 ? 'ipv4' : 'ipv6');
  };
}

/** IPv4 that came over a dual-stack socket as IPv4; without the zone of a link-local address. */
function canonicalAddress(address: string): string {
  return address.replace(/^::ffff:(?=[0-9.]+$)/i, '').replace(/%.*$/, '');
}

function listValues(request: IncomingMessage, name: string): string[] {
  const value = request.headers[name];
  const text = Array.isArray(value) ? value.join(',') : (value ?? '');
  return text
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');
}
