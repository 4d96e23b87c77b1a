import { generateKeyPairSync, type KeyObject, X509Certificate } from 'node:crypto';
import { DAY_MILLISECONDS } from './x509.ts';

const authorityLifetimeDays = 20 * 365 + 5;

/** An authority for keys that sign tokens, apart from the one of server certificates: see docs/decisions. */
export interface KeyAuthority {
  /** For a verifier's list of roots (`rootcertbundle` of distribution). */
  certificatePem: string;
  /** PKCS#8. */
  keyPem: string;
}

/** A new authority for signing keys, EC P-256, for twenty years. @param commonName at most 64 characters. */
export async function issueKeyAuthority(commonName: string, now = new Date()): Promise<KeyAuthority> {
  const { signKeyAuthority } = await import('./sign.ts');
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const notAfter = new Date(now.getTime() + authorityLifetimeDays * DAY_MILLISECONDS);
  return {
    certificatePem: signKeyAuthority(privateKey, commonName, { notBefore: dayBefore(now), notAfter }),
    keyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

/**
 * A certificate for a signing key (EC or RSA): verifiers that know keys only as certificates take the key from it. It
 * says nothing about names, cannot sign others and ends with its authority.
 * @param key private.
 * @param commonName at most 64 characters; the key id, say.
 * @returns an entry of a JWS `x5c` header: base64 of the DER, with padding (RFC 7515, 4.1.6).
 */
export async function issueKeyCertificate(
  key: KeyObject,
  commonName: string,
  authority: KeyAuthority,
  now = new Date(),
): Promise<string> {
  // Loaded when needed: few processes ever sign.
  const { signKey } = await import('./sign.ts');
  const notAfter = new X509Certificate(authority.certificatePem).validToDate;
  const pem = signKey(key, commonName, { notBefore: dayBefore(now), notAfter }, authority);
  return new X509Certificate(pem).raw.toString('base64');
}

/** For clocks that are behind. */
function dayBefore(now: Date): Date {
  return new Date(now.getTime() - DAY_MILLISECONDS);
}
