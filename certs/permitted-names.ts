import { isIP } from 'node:net';
import { bytesOf, decode, hasTag, members } from './der.ts';
import { extensionIds, findExtension } from './extensions.ts';
import { addressBytes, canonicalName } from './names.ts';

/** What an authority may issue for. */
export interface PermittedNames {
  /** Each stands for itself and all below it. */
  dns: readonly string[];
  addresses: readonly { bytes: Buffer; mask: Buffer }[];
}

/** The permitted names of a DER certificate; undefined where it has no such constraints. */
export function readPermittedNames(certificate: Uint8Array): PermittedNames | undefined {
  const value = findExtension(certificate, extensionIds.nameConstraints);
  if (!value) return undefined;
  const permitted = members(decode(value)).find((member) => hasTag(member, 0));
  const names = members(permitted).map((subtree) => members(subtree)[0]!);
  const addresses = names.filter((name) => hasTag(name, 7)).map(bytesOf);
  return {
    dns: names.filter((name) => hasTag(name, 2)).map((name) => bytesOf(name).toString('latin1')),
    addresses: addresses.map((both) => ({
      bytes: both.subarray(0, both.length / 2),
      mask: both.subarray(both.length / 2),
    })),
  };
}

export function isPermitted(name: string, permitted: PermittedNames | undefined): boolean {
  if (!permitted) return true;
  if (isIP(name) === 0) {
    const bare = name.replace(/^\*\./, '').toLowerCase();
    return permitted.dns.some((base) => isBelow(bare, base.toLowerCase()));
  }
  const wanted = addressBytes(name);
  return permitted.addresses.some(
    ({ bytes, mask }) =>
      bytes.length === wanted.length &&
      wanted.every((byte, index) => ((byte ^ bytes[index]!) & mask[index]!) === 0),
  );
}

function isBelow(name: string, base: string): boolean {
  return name === base || name.endsWith(`.${base}`);
}

/** The permitted names as texts, an address with its mask where that is not the whole of it. */
export function permittedTexts({ dns, addresses }: PermittedNames): string[] {
  return [...dns, ...addresses.map(({ bytes, mask }) => addressText(bytes, mask))];
}

function addressText(bytes: Buffer, mask: Buffer): string {
  const bits = [...mask].reduce((sum, byte) => sum + byte.toString(2).replaceAll('0', '').length, 0);
  const hex = bytes.toString('hex').match(/.{4}/g) ?? [];
  const address = bytes.length === 4 ? bytes.join('.') : canonicalName(hex.join(':'));
  return bits === mask.length * 8 ? address : `${address}/${bits}`;
}
