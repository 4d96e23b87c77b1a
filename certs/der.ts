import { isIP } from 'node:net';
import asn1 from 'node-forge/lib/asn1.js';
import { addressBytes } from './names.ts';

/** A value of ASN.1 that can be written as DER (X.690). */
export type Node = ReturnType<typeof asn1.fromDer>;

const { Class, Type } = asn1;
type UniversalType = (typeof Type)[keyof typeof Type];

function universal(type: UniversalType, value: string | Node[]): Node {
  return asn1.create(Class.UNIVERSAL, type, Array.isArray(value), value);
}

const latin1 = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1');

export const sequence = (...members: Node[]) => universal(Type.SEQUENCE, members);
export const set = (...members: Node[]) => universal(Type.SET, members);
export const boolean = (value: boolean) => universal(Type.BOOLEAN, value ? '\xff' : '\x00');
/** Of bytes that are minimal already: a first one from 1 to 127. */
export const integer = (bytes: Uint8Array) => universal(Type.INTEGER, latin1(bytes));
export const octets = (bytes: Uint8Array) => universal(Type.OCTETSTRING, latin1(bytes));
export const utf8 = (text: string) => universal(Type.UTF8, latin1(Buffer.from(text, 'utf8')));
export const nothing = () => universal(Type.NULL, '');
export const oid = (text: string) => universal(Type.OID, asn1.oidToDer(text).getBytes());

export function bits(bytes: Uint8Array, unusedBits = 0): Node {
  return universal(Type.BITSTRING, latin1(Buffer.from([unusedBits, ...bytes])));
}

/** UTCTime up to 2049, GeneralizedTime from then on (RFC 5280, 4.1.2.5). */
export function time(date: Date): Node {
  if (date.getUTCFullYear() < 2050) return universal(Type.UTCTIME, asn1.dateToUtcTime(date));
  return universal(Type.GENERALIZEDTIME, asn1.dateToGeneralizedTime(date));
}

/** `[tag] EXPLICIT`, or an IMPLICIT one of a constructed type. */
export function tagged(tag: number, ...members: Node[]): Node {
  return asn1.create(Class.CONTEXT_SPECIFIC, tag, true, members);
}

/** `[tag] IMPLICIT` of a primitive type. */
export function taggedBytes(tag: number, bytes: Uint8Array): Node {
  return asn1.create(Class.CONTEXT_SPECIFIC, tag, false, latin1(bytes));
}

/** GeneralName of a canonical DNS name or address (RFC 5280, 4.2.1.6). */
export function generalName(name: string): Node {
  return isIP(name) === 0 ? taggedBytes(2, Buffer.from(name, 'ascii')) : taggedBytes(7, addressBytes(name));
}

export function encode(node: Node): Buffer {
  return Buffer.from(asn1.toDer(node).getBytes(), 'latin1');
}

/** @throws Error when it is no DER. */
export function decode(der: Uint8Array): Node {
  return asn1.fromDer(latin1(der), { strict: true, decodeBitStrings: false });
}

/** The members of a SEQUENCE, SET or explicit tag; none of a primitive. */
export function members(node: Node | undefined): Node[] {
  return Array.isArray(node?.value) ? node.value : [];
}

export function bytesOf(node: Node | undefined): Buffer {
  return Buffer.from(typeof node?.value === 'string' ? node.value : '', 'latin1');
}

/** Whether it is the context-specific `[tag]`. */
export function hasTag(node: Node, tag: number): boolean {
  return node.tagClass === Class.CONTEXT_SPECIFIC && node.type === (tag as UniversalType);
}

export function oidOf(node: Node | undefined): string {
  return node?.type === Type.OID && typeof node.value === 'string' ? asn1.derToOid(node.value) : '';
}
