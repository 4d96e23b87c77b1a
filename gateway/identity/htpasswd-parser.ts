import { isUtf8 } from 'node:buffer';
import { bcryptCost, maxBcryptCost, minBcryptCost } from './bcrypt-hash.ts';
import { isUserName } from './rules.ts';
import { reservedNames } from './subjects.ts';

/** Bytes of a file; some 100,000 lines. */
export const maxHtpasswdBytes = 8 * 1024 * 1024;
const maxLineBytes = 1024;

export interface HtpasswdEntry {
  /** From 1. */
  line: number;
  name: string;
  /** bcrypt. */
  hash: string;
}

/** A line that cannot be used. Nothing of its hash is in it: it may be a password. */
export interface HtpasswdFault {
  line: number;
  /** As it stands there, where it is a user name. */
  name?: string;
  /** What is wrong and what to do. */
  message: string;
}

export interface Htpasswd {
  entries: HtpasswdEntry[];
  faults: HtpasswdFault[];
}

/**
 * Reads an htpasswd file as Apache's `htpasswd` and nginx have it: `name:hash`, a comment after a second colon; empty
 * lines and lines that begin with `#` say nothing. A byte order mark and CRLF are taken. Of a name that comes twice
 * no line is taken: servers differ in which one they would believe.
 */
export function parseHtpasswd(bytes: Uint8Array): Htpasswd {
  const faults: HtpasswdFault[] = [];
  const byName = new Map<string, HtpasswdEntry[]>();
  for (const [index, text] of splitLines(bytes).entries()) {
    const line = index + 1;
    const read = readLine(text);
    if (read === undefined) continue;
    if ('message' in read) {
      faults.push({ line, ...read });
      continue;
    }
    const same = byName.get(read.name);
    if (same) same.push({ line, ...read });
    else byName.set(read.name, [{ line, ...read }]);
  }
  const entries: HtpasswdEntry[] = [];
  for (const [first, ...others] of byName.values()) {
    if (others.length === 0) entries.push(first!);
    else faults.push(...[first!, ...others].map((entry) => repeated(entry, [first!, ...others])));
  }
  return { entries, faults: faults.toSorted((one, other) => one.line - other.line) };
}

/** The text of each line; undefined for one that is not UTF-8 or too long. */
function splitLines(bytes: Uint8Array): (string | undefined)[] {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  // Each byte a character: cut at newlines, which are no part of any other character in UTF-8.
  const lines = buffer.toString('latin1').split('\n').map(decodeLine);
  if (lines[0]?.startsWith('\ufeff')) lines[0] = lines[0].slice(1);
  return lines;
}

function decodeLine(line: string): string | undefined {
  if (line.length > maxLineBytes) return undefined;
  if (!/[^\x00-\x7f]/.test(line)) return line;
  const bytes = Buffer.from(line, 'latin1');
  return isUtf8(bytes) ? bytes.toString('utf8') : undefined;
}

const renaming =
  'rename it: lower-case letters and digits with single ".", "_" or "-" between them, at most 64 characters';

type Read = { name: string; hash: string } | { name?: string; message: string } | undefined;

function readLine(raw: string | undefined): Read {
  if (raw === undefined) return { message: `not UTF-8, or over ${maxLineBytes} bytes; remove the line` };
  const text = raw.replace(/\r$/, '');
  if (text.trim() === '' || text.startsWith('#')) return undefined;
  const colon = text.indexOf(':');
  if (colon < 0) return { message: 'no colon between name and hash; a line is "name:hash"' };
  const name = text.slice(0, colon);
  if (!isUserName(name)) return { message: `${JSON.stringify(name)} is no user name here; ${renaming}` };
  if (reservedNames.includes(name))
    return { message: `"${name}" has a meaning of its own in grants; rename it` };
  const hash = text.slice(colon + 1).split(':', 1)[0]!;
  const fault = hashFault(hash, name);
  return fault === undefined ? { name, hash } : { name, message: fault };
}

/** By their beginnings; what is none of these may be a password, and is not repeated. */
const otherKinds: readonly (readonly [RegExp, string])[] = [
  [/^\$apr1\$/, 'MD5 as Apache has it (apr1)'],
  [/^\$1\$/, 'MD5 (crypt)'],
  [/^\$5\$/, 'SHA-256 (crypt)'],
  [/^\$6\$/, 'SHA-512 (crypt)'],
  [/^\{SHA\}/i, 'SHA-1 without salt'],
  [/^\{[A-Za-z0-9-]+\}/, 'a scheme of LDAP'],
  [/^\$2x\$/, 'bcrypt of a faulty crypt_blowfish (2x)'],
  [/^\$argon2/, 'argon2'],
  [/^\$(y|gy|7|scrypt)\$/, 'scrypt or yescrypt'],
];

function hashFault(hash: string, name: string): string | undefined {
  const anew = `set the password anew with "htpasswd -B -C 12 FILE ${name}"`;
  if (hash === '') return `no hash; ${anew}`;
  if (/^\$2[aby]\$/.test(hash)) {
    const cost = bcryptCost(hash);
    if (cost === undefined) return `the bcrypt hash is not whole; ${anew}`;
    if (cost > maxBcryptCost) {
      return `bcrypt of cost ${cost} takes too long to check (at most ${maxBcryptCost}); ${anew}`;
    }
    return cost < minBcryptCost ? `bcrypt of cost ${cost} is none; ${anew}` : undefined;
  }
  const kind = otherKinds.find(([form]) => form.test(hash))?.[1] ?? 'crypt, or a password in plain text';
  return `the hash is not bcrypt but ${kind}; ${anew}`;
}

function repeated({ line, name }: HtpasswdEntry, all: readonly HtpasswdEntry[]): HtpasswdFault {
  const others = all.map((entry) => entry.line).filter((other) => other !== line);
  const where = others.length === 1 ? `line ${others[0]}` : `lines ${others.slice(0, 5).join(', ')}`;
  return { line, name, message: `"${name}" also stands in ${where}; leave the one that counts` };
}
