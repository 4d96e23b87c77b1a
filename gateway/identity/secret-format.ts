import { createHash, randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';

/** Secrets that this server makes. By the prefix people and secret scanners know one when they see it. */
const prefixes = {
  'refresh-token': 'gatehouse_refresh_',
  'personal-token': 'gatehouse_pat_',
  'robot-secret': 'gatehouse_robot_',
} as const;

export type SecretKind = keyof typeof prefixes;

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const randomBytesPerSecret = 30;
/** 240 bits in base 62, and 32 of the checksum. */
const randomLength = 41;
const publicIdLength = 12;
const checksumLength = 6;
const grammar = /^(gatehouse_[a-z]{2,8}_)([0-9A-Za-z]{41})([0-9A-Za-z]{6})$/;

/** Prefix, 240 random bits, CRC-32 of what stands before it. Letters, digits and `_` only: safe in URLs and headers. */
export function makeSecret(kind: SecretKind): string {
  const random = BigInt(`0x${randomBytes(randomBytesPerSecret).toString('hex')}`);
  return withChecksum(prefixes[kind] + toBase62(random, randomLength));
}

/** What may be shown of a secret and finds it: its first 67 bits, which leave 172 to guess. */
export function publicId(secret: string): string {
  const [, , random] = grammar.exec(secret)!;
  return random!.slice(0, publicIdLength);
}

/** Of what kind a text is by its form alone; undefined for what we cannot have made, mistyped secrets too. */
export function secretKind(text: string): SecretKind | undefined {
  const [, prefix, random] = grammar.exec(text) ?? [];
  if (prefix === undefined || withChecksum(`${prefix}${random}`) !== text) return undefined;
  return (Object.keys(prefixes) as SecretKind[]).find((kind) => prefixes[kind] === prefix);
}

/** Whether a text begins as our secrets do: it is one, or a piece of one, and never a password. */
export function looksLikeSecret(text: string): boolean {
  return Object.values(prefixes).some((prefix) => text.startsWith(prefix));
}

/**
 * What is stored of a secret. 240 random bits cannot be guessed from their hash, so it needs neither salt nor a slow
 * function, and a secret is found by it: nothing is compared byte by byte.
 */
export function hashSecret(secret: string): string {
  return createHash('sha256').update(secret).digest('base64url');
}

function withChecksum(text: string): string {
  return text + toBase62(BigInt(crc32(text)), checksumLength);
}

function toBase62(value: bigint, length: number): string {
  let text = '';
  for (let rest = value; text.length < length; rest /= 62n) text = alphabet[Number(rest % 62n)] + text;
  return text;
}
