import { isIPv4, isIPv6 } from 'node:net';
import { canonicalAddress } from './networks.ts';

/** What the first bytes of a connection are, by the PROXY protocol (haproxy.org, proxy-protocol.txt). */
export type ProxyHeader =
  | { state: 'incomplete' }
  | { state: 'malformed'; reason: string }
  /** @param length of the header, in bytes. @param source undefined: the connection is the proxy's own. */
  | { state: 'complete'; length: number; source: string | undefined };

/** Section 2.1: no line of version 1 is longer, its end included. */
const maxLineBytes = 107;
/** With what else a proxy adds (TLVs), which is skipped. A certificate may be among it. */
const maxBinaryBytes = 4096;

const signature = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const lineStart = Buffer.from('PROXY ', 'latin1');
const fixedBytes = 16;

/** Reads the header at the start of `bytes`, of either version. */
export function readProxyHeader(bytes: Buffer): ProxyHeader {
  if (startsAlike(bytes, signature)) return readBinary(bytes);
  if (startsAlike(bytes, lineStart)) return readLine(bytes);
  return malformed('no PROXY header');
}

function startsAlike(bytes: Buffer, expected: Buffer): boolean {
  const length = Math.min(bytes.length, expected.length);
  return bytes.subarray(0, length).equals(expected.subarray(0, length));
}

/** Version 1, section 2.1: `PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n` */
function readLine(bytes: Buffer): ProxyHeader {
  const end = bytes.subarray(0, maxLineBytes).indexOf('\r\n');
  if (end === -1) {
    return bytes.length < maxLineBytes ? { state: 'incomplete' } : malformed('the line does not end');
  }
  const length = end + 2;
  const words = bytes.toString('latin1', 0, end).split(' ');
  const [, family = '', from = '', to = '', fromPort = '', toPort = ''] = words;
  // Whatever else such a line has is to be ignored.
  if (family === 'UNKNOWN') return { state: 'complete', length, source: undefined };
  const isAddress = family === 'TCP4' ? isIPv4 : family === 'TCP6' ? isIPv6 : undefined;
  if (!isAddress || words.length !== 6) return malformed('not of the form of version 1');
  // A zone means something on the proxy's machine only.
  const isGood =
    !from.includes('%') && isAddress(from) && isAddress(to) && isPort(fromPort) && isPort(toPort);
  return isGood
    ? { state: 'complete', length, source: canonicalAddress(from) }
    : malformed('no address or port');
}

function isPort(text: string): boolean {
  return /^(?:0|[1-9][0-9]{0,4})$/.test(text) && Number(text) <= 65535;
}

/** Version 2, section 2.2: the signature, a byte for version and command, one for the family, two for the length. */
function readBinary(bytes: Buffer): ProxyHeader {
  if (bytes.length < fixedBytes) return { state: 'incomplete' };
  const versionAndCommand = bytes[12]!;
  const family = bytes[13]!;
  const following = bytes.readUInt16BE(14);
  const length = fixedBytes + following;
  if (length > maxBinaryBytes) return malformed(`longer than ${maxBinaryBytes} bytes`);
  if (versionAndCommand !== 0x20 && versionAndCommand !== 0x21)
    return malformed('unknown version or command');
  if (bytes.length < length) return { state: 'incomplete' };
  // LOCAL: a health check of the proxy itself. UNSPEC: it knows no address.
  if (versionAndCommand === 0x20 || family === 0x00) return { state: 'complete', length, source: undefined };
  if (family === 0x11 && following >= 12)
    return { state: 'complete', length, source: ipv4At(bytes, fixedBytes) };
  if (family === 0x21 && following >= 36)
    return { state: 'complete', length, source: ipv6At(bytes, fixedBytes) };
  return malformed('neither TCP over IPv4 nor over IPv6');
}

function ipv4At(bytes: Buffer, start: number): string {
  return [...bytes.subarray(start, start + 4)].join('.');
}

function ipv6At(bytes: Buffer, start: number): string {
  const words = Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(start + 2 * index).toString(16));
  // The URL parser writes it as everybody does (RFC 5952); mapped IPv4 comes out as hexadecimal words.
  const text = new URL(`http://[${words.join(':')}]`).hostname.slice(1, -1);
  const mapped = /^::ffff:[0-9a-f]{1,4}:[0-9a-f]{1,4}$/.test(text);
  return mapped ? ipv4At(bytes, start + 12) : text;
}

function malformed(reason: string): ProxyHeader {
  return { state: 'malformed', reason };
}
