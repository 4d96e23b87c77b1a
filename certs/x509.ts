import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { CertificateError } from './errors.ts';
import { canonicalName } from './names.ts';

export const DAY_MILLISECONDS = 86_400_000;

/** What `gatehouse cert show` prints of a certificate. */
export interface CertificateDescription {
  subject: string;
  issuer: string;
  /** DNS names and addresses of the subjectAltName, canonical. */
  names: string[];
  /** ISO 8601, UTC. */
  notBefore: string;
  notAfter: string;
  /** Whole days until notAfter; negative when it is past. */
  daysLeft: number;
  /** Colon-separated upper-case hex, as `openssl x509 -fingerprint -sha256` prints it. */
  fingerprintSha256: string;
  /** Upper-case hex. */
  serial: string;
}

/**
 * Describes the first certificate of a PEM text or of the PEM file at that path.
 * Throws CertificateError CERTIFICATE_UNREADABLE.
 */
export async function describeCertificate(
  pemOrPath: string,
  now = new Date(),
): Promise<CertificateDescription> {
  const isPem = pemOrPath.includes('-----BEGIN');
  const where = isPem ? 'The given text' : pemOrPath;
  const pem = isPem ? pemOrPath : await readPem(pemOrPath, 'CERTIFICATE_UNREADABLE');
  const certificate = parseChain(pem, where)[0]!;
  return {
    subject: certificate.subject.replaceAll('\n', ', '),
    issuer: certificate.issuer.replaceAll('\n', ', '),
    names: certificateNames(certificate),
    notBefore: certificate.validFromDate.toISOString(),
    notAfter: certificate.validToDate.toISOString(),
    daysLeft: Math.floor((certificate.validToDate.getTime() - now.getTime()) / DAY_MILLISECONDS),
    fingerprintSha256: certificate.fingerprint256,
    serial: certificate.serialNumber,
  };
}

/** Reads a PEM file; throws CertificateError with `code` when that cannot be done. */
export async function readPem(
  path: string,
  code: 'CERTIFICATE_UNREADABLE' | 'KEY_UNREADABLE' | 'CRL_UNREADABLE',
): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CertificateError(
      code,
      `${path} cannot be read (${reason})`,
      'Check the path and who may read it',
      error,
    );
  }
}

/**
 * All certificates of a PEM text, in order; at least one.
 * Throws CertificateError CERTIFICATE_UNREADABLE, with `where` as the place.
 */
export function parseChain(pem: string, where: string): X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----/gs) ?? [];
  try {
    if (blocks.length > 0) return blocks.map((block) => new X509Certificate(block));
  } catch (error) {
    throw unreadable(`${where} holds a damaged certificate`, error);
  }
  throw unreadable(`${where} holds no PEM certificate`);
}

function unreadable(problem: string, cause?: unknown): CertificateError {
  const remedy =
    'Put the certificate in PEM form there (openssl x509 -inform der converts), followed by its chain';
  return new CertificateError('CERTIFICATE_UNREADABLE', problem, remedy, cause);
}

export interface AlternativeName {
  /** As OpenSSL calls them: `DNS`, `IP Address`, `email`, `URI`, and others. */
  kind: string;
  value: string;
}

/** The entries of the subjectAltName, in order. */
export function alternativeNames({ subjectAltName = '' }: X509Certificate): AlternativeName[] {
  // Node quotes a value that holds a comma, so that no value can pass for a second entry.
  const entries = subjectAltName.matchAll(/([^:,]+):("(?:[^"\\]|\\.)*"|[^,]*)(?:, |$)/g);
  return [...entries].map(([, kind, value]) => ({ kind: kind!, value: unquote(value!) }));
}

function unquote(value: string): string {
  try {
    return value.startsWith('"') ? JSON.parse(value) : value;
  } catch {
    return value;
  }
}

/** Canonical DNS names and addresses of the subjectAltName; other kinds, and odd spellings, are left out. */
export function certificateNames(certificate: X509Certificate): string[] {
  const names = alternativeNames(certificate)
    .filter(({ kind, value }) => (kind === 'DNS' && isIP(value) === 0) || kind === 'IP Address')
    .flatMap(({ value }) => {
      try {
        return [canonicalName(value)];
      } catch {
        return [];
      }
    });
  return [...new Set(names)];
}

/** Says in words why a certificate does not hold at `now`; undefined when it does. */
export function validityFault(certificate: X509Certificate, now: Date): string | undefined {
  const { validFromDate, validToDate } = certificate;
  if (now > validToDate) return `ended on ${validToDate.toISOString()}`;
  if (now < validFromDate) return `begins only on ${validFromDate.toISOString()}`;
  return undefined;
}
