import { isIP, isIPv4, isIPv6 } from 'node:net';
import { hostname, networkInterfaces } from 'node:os';
import { domainToASCII } from 'node:url';
import { CertificateError } from './errors.ts';

/**
 * The names and addresses under which this machine may be asked for: always `localhost`, `127.0.0.1`
 * and `::1`, then `extra` (configured hostnames), the system's hostname and its interface addresses.
 * Each is canonical and comes once. Throws CertificateError NAME_INVALID for a bad name in `extra`.
 */
export function machineNames(extra: readonly string[]): string[] {
  const own = hostname();
  // A system's hostname may be anything (`my box`): not a reason to refuse to start.
  const system = isCertificateName(own) ? [own] : [];
  return canonicalNames(['localhost', '127.0.0.1', '::1', ...extra, ...system, ...interfaceAddresses()]);
}

/** Canonical forms of `names`, each once, in order. Throws CertificateError NAME_INVALID. */
export function canonicalNames(names: readonly string[]): string[] {
  return [...new Set(names.map(canonicalName))];
}

/**
 * One spelling for each name: DNS names in lower case, IDNs as A-labels, no final dot; IPv4 dotted;
 * IPv6 compressed (RFC 5952), without brackets. A wildcard may stand for the whole leftmost label.
 * Throws CertificateError NAME_INVALID.
 */
export function canonicalName(name: string): string {
  const bare = name.trim().replace(/^\[(.*)\]$/, '$1');
  if (isIPv4(bare)) return bare;
  if (isIPv6(bare) && !bare.includes('%')) return canonicalIPv6(bare);
  const lower = bare.toLowerCase().replace(/\.$/, '');
  // domainToASCII would read `1.2.3` as an address, so ASCII names do not go through it.
  const ascii = /[^\x00-\x7f]/.test(lower) ? domainToASCII(lower) : lower;
  if (isDnsName(ascii)) return ascii;
  throw new CertificateError(
    'NAME_INVALID',
    `${JSON.stringify(name)} cannot be a name in a certificate`,
    'Give a DNS name such as registry.example.com, or an IPv4 or IPv6 address, without scheme and port',
  );
}

function isCertificateName(name: string): boolean {
  return isIP(name) !== 0 || isDnsName(name.toLowerCase());
}

// Underscores are outside RFC 1123 but common in container names; Go, OpenSSL and Node accept them.
function isDnsName(name: string): boolean {
  const label = /^(?!-)[a-z0-9_-]{1,63}(?<!-)$/;
  const labels = name.replace(/^\*\.(?=.)/, '').split('.');
  // A last label of digits only would be read as (part of) an IPv4 address by URL parsers.
  return name.length <= 253 && labels.every((part) => label.test(part)) && !/^\d+$/.test(labels.at(-1)!);
}

function canonicalIPv6(address: string): string {
  const short = new URL(`http://[${address}]`).hostname.slice(1, -1);
  const mapped = /^::ffff:([0-9a-f]+):([0-9a-f]+)$/.exec(short);
  if (!mapped) return short;
  const words = [Number.parseInt(mapped[1]!, 16), Number.parseInt(mapped[2]!, 16)];
  // Go and OpenSSL compare an IPv4-mapped address as the IPv4 address, so it is written as one.
  return words.flatMap((word) => [word >> 8, word & 0xff]).join('.');
}

function interfaceAddresses(): string[] {
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  return addresses
    .filter((entry) => !entry.internal && !/^(fe[89ab].:|169\.254\.)/i.test(entry.address))
    .map((entry) => entry.address.replace(/%.*$/, ''));
}

/** The 4 or 16 bytes of a canonical address, as iPAddress in a subjectAltName wants them (RFC 5280, 4.2.1.6). */
export function addressBytes(address: string): Buffer {
  if (isIPv4(address)) return Buffer.from(address.split('.').map(Number));
  const [head = [], tail = []] = address.split('::').map((side) => (side === '' ? [] : side.split(':')));
  const zeros = Array<string>(8 - head.length - tail.length).fill('0');
  const words = address.includes('::') ? [...head, ...zeros, ...tail] : head;
  return Buffer.from(words.map((word) => word.padStart(4, '0')).join(''), 'hex');
}
