import { isIP } from 'node:net';
import {
  bits,
  boolean,
  bytesOf,
  decode,
  generalName,
  hasTag,
  integer,
  members,
  type Node,
  octets,
  oid,
  oidOf,
  sequence,
  tagged,
  taggedBytes,
} from './der.ts';
import { addressBytes } from './names.ts';

/** One extension of a certificate (RFC 5280, 4.2). */
export interface Extension {
  id: string;
  critical?: boolean;
  value: Node;
}

export const serverAuth = '1.3.6.1.5.5.7.3.1';

export const extensionIds = {
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  nameConstraints: '2.5.29.30',
  authorityKeyIdentifier: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
};

/** An authority here never has another one below it. */
export function basicConstraints(isAuthority: boolean): Extension {
  const members = isAuthority ? [boolean(true), integer(Buffer.from([0]))] : [];
  return { id: extensionIds.basicConstraints, critical: true, value: sequence(...members) };
}

/** Position of each bit (RFC 5280, 4.2.1.3). */
const keyUses = { digitalSignature: 0, keyEncipherment: 2, keyCertSign: 5, cRLSign: 6 };

export function keyUsage(...uses: (keyof typeof keyUses)[]): Extension {
  const positions = uses.map((use) => keyUses[use]);
  const byte = positions.reduce((sum, position) => sum | (0x80 >> position), 0);
  // DER leaves out the zeros at the end.
  return {
    id: extensionIds.keyUsage,
    critical: true,
    value: bits(Buffer.from([byte]), 7 - Math.max(...positions)),
  };
}

export function extendedKeyUsage(...purposes: string[]): Extension {
  return { id: extensionIds.extendedKeyUsage, value: sequence(...purposes.map(oid)) };
}

export function subjectAltName(names: readonly string[]): Extension {
  return { id: extensionIds.subjectAltName, value: sequence(...names.map(generalName)) };
}

export function subjectKeyIdentifier(identifier: Uint8Array): Extension {
  return { id: extensionIds.subjectKeyIdentifier, value: octets(identifier) };
}

export function authorityKeyIdentifier(identifier: Uint8Array): Extension {
  return { id: extensionIds.authorityKeyIdentifier, value: sequence(taggedBytes(0, identifier)) };
}

/**
 * Permitted names and nothing else (RFC 5280, 4.2.1.10): a DNS name stands for itself and all below it, so a
 * wildcard is permitted by what follows its star; an address stands for itself.
 */
export function nameConstraints(permitted: readonly string[]): Extension {
  const bases = [...new Set(permitted.map((name) => name.replace(/^\*\./, '')))];
  const isName = (name: string) => isIP(name) === 0;
  const subtrees = bases.map((name) => sequence(isName(name) ? generalName(name) : oneAddress(name)));
  // A kind of name of which none is permitted would not be limited at all.
  const excluded = [
    ...(bases.some(isName) ? [] : [taggedBytes(2, Buffer.alloc(0))]),
    ...(bases.every(isName) ? [taggedBytes(7, Buffer.alloc(8)), taggedBytes(7, Buffer.alloc(32))] : []),
  ].map((base) => sequence(base));
  const value = sequence(tagged(0, ...subtrees), ...(excluded.length > 0 ? [tagged(1, ...excluded)] : []));
  return { id: extensionIds.nameConstraints, critical: true, value };
}

/** An address with the mask that has all bits set. */
function oneAddress(address: string): Node {
  const bytes = addressBytes(address);
  return taggedBytes(7, Buffer.concat([bytes, Buffer.alloc(bytes.length, 0xff)]));
}

/** The subjectKeyIdentifier of a DER certificate, where it has one. */
export function readKeyIdentifier(certificate: Uint8Array): Buffer | undefined {
  const value = findExtension(certificate, extensionIds.subjectKeyIdentifier);
  return value && bytesOf(decode(value));
}

/** The value of an extension of a DER certificate, itself DER; undefined where it has none such. */
export function findExtension(certificate: Uint8Array, id: string): Buffer | undefined {
  const body = members(members(decode(certificate))[0]);
  const extensions = members(members(body.find((member) => hasTag(member, 3)))[0]);
  const found = extensions.find((extension) => oidOf(members(extension)[0]) === id);
  return found && bytesOf(members(found).at(-1));
}
