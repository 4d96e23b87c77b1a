import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { DAY_MILLISECONDS } from './x509.ts';

const LIFETIME_DAYS = 3652;

export interface KeyCertificate {
  /** PEM, for a verifier's list of roots (`rootcertbundle` of distribution). */
  pem: string;
  /** An entry of a JWS `x5c` header: base64 of the DER, with padding (RFC 7515, 4.1.6). */
  x5c: string;
}

/**
 * A self-signed certificate for a signing key (EC or RSA): verifiers that know keys only as certificates take the key
 * from it. It says nothing about names and cannot sign others. Each call makes another one: keep it beside the key.
 * @param key private.
 * @param commonName at most 64 characters; the key id, say.
 * @param lifetimeMs default ten years; it begins a day before `now`, for clocks that are behind.
 */
export async function issueKeyCertificate(
  key: KeyObject | string,
  commonName: string,
  { lifetimeMs = LIFETIME_DAYS * DAY_MILLISECONDS, now = new Date() } = {},
): Promise<KeyCertificate> {
  const notBefore = new Date(now.getTime() - DAY_MILLISECONDS);
  const notAfter = new Date(now.getTime() + lifetimeMs);
  // Loaded when needed: few processes ever sign.
  const { signSelf } = await import('./sign.ts');
  const privateKey = typeof key === 'string' ? createPrivateKey(key) : key;
  const pem = signSelf(privateKey, commonName, { notBefore, notAfter });
  return { pem, x5c: new X509Certificate(pem).raw.toString('base64') };
}
