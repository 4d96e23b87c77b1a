import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import {
  type Authority,
  CLOCK_SKEW_MILLISECONDS,
  isUsableKey,
  type KeyType,
  makeKey,
  parseKey,
} from './authority.ts';
import { type CertificatePaths, createFile, readIfThere, replaceFiles } from './files.ts';
import { certificateNames, DAY_MILLISECONDS, validityFault } from './x509.ts';

/** With the day before that certificates begin: under the 398 that Apple's and the browsers' verifiers accept. */
export const MAXIMUM_LIFETIME_MILLISECONDS = 396 * DAY_MILLISECONDS;
const RENEW_MILLISECONDS = 30 * DAY_MILLISECONDS;

/** An authority with its key at hand. */
export type IssuingAuthority = Authority & { keyPem: string };

/** Why a server certificate has to be issued (again). */
export type IssueReason =
  | 'absent'
  | 'unreadable'
  | 'mismatch'
  | 'foreign'
  | 'expired'
  | 'ends-soon'
  | 'names';

/** What stands against the pair on disk serving `names` at `now`; undefined when nothing does. */
export async function inspectServer(
  paths: CertificatePaths,
  authority: Authority,
  names: readonly string[],
  now: Date,
): Promise<IssueReason | undefined> {
  const pem = await readIfThere(paths.certificatePath);
  if (pem === undefined) return 'absent';
  const certificate = tryParse(pem);
  if (!certificate) return 'unreadable';
  const key = parseKey((await readIfThere(paths.keyPath)) ?? '');
  if (!key || !certificate.checkPrivateKey(key)) return 'mismatch';
  const issuer = authority.certificate;
  if (!certificate.checkIssued(issuer) || !certificate.verify(issuer.publicKey)) return 'foreign';
  if (validityFault(certificate, now)) return 'expired';
  // A certificate that ends with its authority would end no later when issued again.
  if (now.getTime() > renewalTime(certificate) && certificate.validToDate < issuer.validToDate) {
    return 'ends-soon';
  }
  const present = certificateNames(certificate);
  return names.every((name) => present.includes(name)) ? undefined : 'names';
}

/**
 * From when a certificate is to be renewed, in milliseconds since 1970: when a third of its life is left, or 30 days.
 * @param backdatedMs how long before its issue it begins.
 */
export function renewalTime(
  { validFromDate, validToDate }: X509Certificate,
  backdatedMs = CLOCK_SKEW_MILLISECONDS,
): number {
  const end = validToDate.getTime();
  const lifeMs = Math.max(0, end - validFromDate.getTime() - backdatedMs);
  return end - Math.min(RENEW_MILLISECONDS, lifeMs / 3);
}

/** Names of the server certificate on disk, none where there is no readable one. */
export async function presentNames(paths: CertificatePaths): Promise<string[]> {
  const certificate = tryParse((await readIfThere(paths.certificatePath)) ?? '');
  return certificate ? certificateNames(certificate) : [];
}

/** What a server certificate is to be. */
export interface ServerRequest {
  names: readonly string[];
  now: Date;
  /** From now to its end. */
  lifetimeMs: number;
}

/**
 * Issues the server certificate for the key on disk and writes it, followed by the authority's.
 * A usable key stays, so that one rename is the whole change and no moment has a mismatched pair.
 * The caller inspects again afterwards: another process may have put another key there meanwhile.
 */
export async function issueServer(
  paths: CertificatePaths,
  authority: IssuingAuthority,
  request: ServerRequest,
): Promise<boolean> {
  const text = await serverText(await usableKey(paths, authority), authority, request);
  const isFirst = (await readIfThere(paths.certificatePath)) === undefined;
  if (isFirst) return createFile(paths.certificatePath, text);
  await replaceFiles([paths.certificatePath, text]);
  return true;
}

/** Issues the server certificate for a new key and writes both, the one right after the other. */
export async function renewServer(
  paths: CertificatePaths,
  authority: IssuingAuthority,
  request: ServerRequest,
): Promise<void> {
  const keyPem = await makeKey(keyTypeOf(authority));
  const text = await serverText(keyPem, authority, request);
  await replaceFiles([paths.keyPath, keyPem], [paths.certificatePath, text]);
}

/** A server certificate for the key, and its authority's. */
export async function serverText(
  keyPem: string,
  authority: IssuingAuthority,
  { names, now, lifetimeMs }: ServerRequest,
): Promise<string> {
  const issuer = authority.certificate;
  const notBefore = new Date(
    Math.max(now.getTime() - CLOCK_SKEW_MILLISECONDS, issuer.validFromDate.getTime()),
  );
  const notAfter = new Date(Math.min(now.getTime() + lifetimeMs, issuer.validToDate.getTime()));
  // Loaded when needed, as in authority.ts.
  const { signServer } = await import('./sign.ts');
  const certificatePem = signServer(keyPem, commonName(names), names, { notBefore, notAfter }, authority);
  return `${certificatePem.trimEnd()}\n${authority.certificatePem}`;
}

/** Server keys are of the authority's kind: whoever chose one for old clients chose it for both. */
export function keyTypeOf({ certificate }: Authority): KeyType {
  return certificate.publicKey.asymmetricKeyType === 'rsa' ? 'rsa' : 'ecdsa';
}

async function usableKey(paths: CertificatePaths, authority: Authority): Promise<string> {
  const present = await readIfThere(paths.keyPath);
  const make = () => makeKey(keyTypeOf(authority));
  if (present === undefined) await createFile(paths.keyPath, await make());
  else if (!isServerKey(present)) await replaceFiles([paths.keyPath, await make()]);
  else return present;
  return (await readIfThere(paths.keyPath)) ?? '';
}

function isServerKey(pem: string): boolean {
  const key = parseKey(pem);
  return key !== undefined && isUsableKey(key);
}

function commonName(names: readonly string[]): string {
  const fit = names.filter((name) => isIP(name) === 0 && name.length <= 64);
  return fit.find((name) => name !== 'localhost') ?? fit[0] ?? 'gatehouse';
}

function tryParse(pem: string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem);
  } catch {
    return undefined;
  }
}
