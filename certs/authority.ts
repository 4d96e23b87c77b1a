import {
  createPrivateKey,
  generateKeyPair,
  type KeyObject,
  randomBytes,
  type X509Certificate,
} from 'node:crypto';
import { hostname } from 'node:os';
import { promisify } from 'node:util';
import { CertificateError } from './errors.ts';
import { type CertificatePaths, createFile, readIfThere } from './files.ts';
import type { PermittedNames } from './permitted-names.ts';
import { DAY_MILLISECONDS, parseChain, validityFault } from './x509.ts';

const AUTHORITY_DAYS = 3652;
/** Certificates begin this much before they are made: client clocks may be behind ours. */
export const CLOCK_SKEW_MILLISECONDS = DAY_MILLISECONDS;

export type KeyType = 'ecdsa' | 'rsa';

/** The authority as found on disk; without `keyPem` it can verify but not issue. */
export interface Authority {
  certificate: X509Certificate;
  certificatePem: string;
  keyPem: string | undefined;
}

/**
 * The authority in the directory, or undefined where none was ever made.
 * Throws CertificateError when there is one that cannot be used: it is never replaced.
 */
export async function readAuthority(paths: CertificatePaths, now: Date): Promise<Authority | undefined> {
  // Files appear in the order ca.key, ca.crt, server.key, server.crt; looking in the reverse order,
  // a process that comes by while another makes them never takes them for remains.
  const isServerThere = (await readIfThere(paths.certificatePath)) !== undefined;
  const certificatePem = await readIfThere(paths.caCertificatePath);
  if (certificatePem === undefined) {
    if (isServerThere) throw authorityMissing(paths);
    return undefined;
  }
  const certificate = readCertificate(certificatePem, paths, now);
  const keyPem = await readIfThere(paths.caKeyPath);
  if (keyPem !== undefined) checkKey(keyPem, certificate, paths);
  return { certificate, certificatePem, keyPem };
}

function authorityMissing(paths: CertificatePaths): CertificateError {
  return new CertificateError(
    'CA_MISSING',
    `${paths.certificatePath} is there but ${paths.caCertificatePath}, which issued it, is not`,
    `Put ca.crt back (server.crt holds a copy after its first certificate), or, to begin with a new authority that clients have to trust anew, move ${paths.certificatePath} away`,
  );
}

function readCertificate(pem: string, paths: CertificatePaths, now: Date): X509Certificate {
  const path = paths.caCertificatePath;
  const replace = `restore ${path} and ca.key from a backup, or move all files of that directory away to begin with a new authority that clients have to trust anew`;
  let certificate: X509Certificate;
  try {
    certificate = parseChain(pem, path)[0]!;
  } catch (error) {
    const problem = error instanceof CertificateError ? error.problem : `${path} cannot be read`;
    throw new CertificateError('CA_UNREADABLE', problem, `Nothing was changed: ${replace}`, error);
  }
  if (!certificate.ca) {
    throw new CertificateError(
      'CA_UNREADABLE',
      `${path} is not an authority's certificate`,
      `Please ${replace}`,
    );
  }
  const fault = validityFault(certificate, now);
  if (fault) {
    const problem = `The authority ${path} ${fault}, and it is ${now.toISOString()} now`;
    throw new CertificateError('CA_NOT_VALID_NOW', problem, `If the clock is right, ${replace}`);
  }
  return certificate;
}

function checkKey(keyPem: string, certificate: X509Certificate, paths: CertificatePaths): void {
  const remedy = `Put the key of ${paths.caCertificatePath} there: an EC or RSA key in PEM form, not encrypted`;
  const key = parseKey(keyPem);
  if (!key || !isUsableKey(key)) {
    throw new CertificateError('CA_KEY_UNUSABLE', `${paths.caKeyPath} is not a usable key`, remedy);
  }
  if (!certificate.checkPrivateKey(key)) {
    const problem = `${paths.caKeyPath} does not belong to ${paths.caCertificatePath}`;
    throw new CertificateError('CA_KEY_UNUSABLE', problem, remedy);
  }
}

/**
 * Makes the authority, valid for ten years, which may issue for the permitted names alone. Resolves to whether this
 * call made it: of several processes one does, and all go on with that one.
 */
export async function makeAuthority(
  paths: CertificatePaths,
  { permitted, keyType, now }: { permitted: readonly string[]; keyType: KeyType; now: Date },
): Promise<boolean> {
  // An existing key is a crash's leftover or another process's first half: since whoever goes on
  // uses the key that is there, ca.key and ca.crt match in every order of events.
  if ((await readIfThere(paths.caKeyPath)) === undefined) {
    await createFile(paths.caKeyPath, await makeKey(keyType));
  }
  const keyPem = (await readIfThere(paths.caKeyPath)) ?? '';
  const key = parseKey(keyPem);
  if (!key || !isUsableKey(key)) {
    const problem = `${paths.caKeyPath} is not a usable key`;
    throw new CertificateError('CA_KEY_UNUSABLE', problem, 'It has no certificate beside it: move it away');
  }
  return createFile(paths.caCertificatePath, await authorityText(keyPem, permitted, now));
}

/** A new certificate of an authority for that key. */
export async function authorityText(
  keyPem: string,
  permitted: readonly string[],
  now: Date,
): Promise<string> {
  const notBefore = new Date(now.getTime() - CLOCK_SKEW_MILLISECONDS);
  const notAfter = new Date(notBefore.getTime() + AUTHORITY_DAYS * DAY_MILLISECONDS);
  // Loaded here, not above: the gateway's processes load this room too but seldom sign.
  const { signAuthority } = await import('./sign.ts');
  return signAuthority(keyPem, authorityName(), permitted, { notBefore, notAfter });
}

/** What an authority may issue for; undefined: anything, as with those that were made before there were limits. */
export async function permittedNames({ certificate }: Authority): Promise<PermittedNames | undefined> {
  const { readPermittedNames } = await import('./permitted-names.ts');
  return readPermittedNames(certificate.raw);
}

/** What the authority whose certificate this is (PEM) may issue for; undefined: anything. */
export async function permittedNamesOf(pem: string): Promise<string[] | undefined> {
  const { permittedTexts, readPermittedNames } = await import('./permitted-names.ts');
  const permitted = readPermittedNames(parseChain(pem, 'The text')[0]!.raw);
  return permitted && permittedTexts(permitted);
}

// The id tells two authorities of one machine apart: clients choose an issuer by its name.
function authorityName(): string {
  const machine = hostname()
    .replace(/[^A-Za-z0-9._-]/g, '-')
    .slice(0, 40);
  return `Gatehouse CA ${machine} ${randomBytes(4).toString('hex')}`;
}

/** A new key, ECDSA P-256 or RSA-2048, as PKCS #8 PEM. */
export async function makeKey(type: KeyType): Promise<string> {
  const generate = promisify(generateKeyPair);
  const { privateKey } =
    type === 'ecdsa'
      ? await generate('ec', { namedCurve: 'P-256' })
      : await generate('rsa', { modulusLength: 2048 });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

/** Whether certificates can be made for it, or with it. */
export function isUsableKey({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): boolean {
  if (asymmetricKeyType === 'ec') return true;
  return asymmetricKeyType === 'rsa' && (asymmetricKeyDetails?.modulusLength ?? 0) >= 2048;
}

/** The private key of a PEM text, undefined when there is none that can be used. */
export function parseKey(pem: string): KeyObject | undefined {
  try {
    return createPrivateKey(pem);
  } catch {
    return undefined;
  }
}
