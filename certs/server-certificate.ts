import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { type Authority, CLOCK_SKEW_MILLISECONDS, makeKey, parseKey } from './authority.ts';
import { type CertificatePaths, createFile, readIfThere, replaceFiles } from './files.ts';
import { certificateNames, DAY_MILLISECONDS, validityFault } from './x509.ts';

// 398 days is what Apple's and the browsers' verifiers accept of a server certificate.
const SERVER_DAYS = 397;
const RENEW_DAYS = 30;

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
  names: string[],
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
  const renewFrom = certificate.validToDate.getTime() - RENEW_DAYS * DAY_MILLISECONDS;
  if (now.getTime() > renewFrom && certificate.validToDate < issuer.validToDate) return 'ends-soon';
  const present = certificateNames(certificate);
  return names.every((name) => present.includes(name)) ? undefined : 'names';
}

/** Names of the server certificate on disk, none where there is no readable one. */
export async function presentNames(paths: CertificatePaths): Promise<string[]> {
  const certificate = tryParse((await readIfThere(paths.certificatePath)) ?? '');
  return certificate ? certificateNames(certificate) : [];
}

/**
 * Issues the server certificate for the key on disk and writes it, followed by the authority's.
 * A usable key stays, so that one rename is the whole change and no moment has a mismatched pair.
 * The caller inspects again afterwards: another process may have put another key there meanwhile.
 */
export async function issueServer(
  paths: CertificatePaths,
  authority: IssuingAuthority,
  names: string[],
  now: Date,
): Promise<boolean> {
  const text = await certificateText(await usableKey(paths), authority, names, now);
  const isFirst = (await readIfThere(paths.certificatePath)) === undefined;
  if (isFirst) return createFile(paths.certificatePath, text);
  await replaceFiles([paths.certificatePath, text]);
  return true;
}

/** Issues the server certificate for a new key and writes both, the one right after the other. */
export async function renewServer(
  paths: CertificatePaths,
  authority: IssuingAuthority,
  names: string[],
  now: Date,
): Promise<void> {
  const keyPem = await makeKey();
  const text = await certificateText(keyPem, authority, names, now);
  await replaceFiles([paths.keyPath, keyPem], [paths.certificatePath, text]);
}

async function certificateText(
  keyPem: string,
  authority: IssuingAuthority,
  names: string[],
  now: Date,
): Promise<string> {
  const issuer = authority.certificate;
  const begin = Math.max(now.getTime() - CLOCK_SKEW_MILLISECONDS, issuer.validFromDate.getTime());
  const end = Math.min(begin + SERVER_DAYS * DAY_MILLISECONDS, issuer.validToDate.getTime());
  const validity = { notBefore: new Date(begin), notAfter: new Date(end) };
  // Loaded when needed, as in authority.ts.
  const { signServer } = await import('./sign.ts');
  const certificatePem = signServer(keyPem, commonName(names), names, validity, authority);
  return `${certificatePem.trimEnd()}\n${authority.certificatePem}`;
}

async function usableKey(paths: CertificatePaths): Promise<string> {
  const present = await readIfThere(paths.keyPath);
  if (present === undefined) await createFile(paths.keyPath, await makeKey());
  else if (!isServerKey(present)) await replaceFiles([paths.keyPath, await makeKey()]);
  else return present;
  return (await readIfThere(paths.keyPath)) ?? '';
}

function isServerKey(pem: string): boolean {
  const key = parseKey(pem);
  return key?.asymmetricKeyType === 'rsa' && (key.asymmetricKeyDetails?.modulusLength ?? 0) >= 2048;
}

function commonName(names: string[]): string {
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
