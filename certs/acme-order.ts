import type { KeyPair } from './key-pair.ts';

export type AcmeChallengeType = 'http-01' | 'tls-alpn-01';

/** What has to be served while the authority looks (RFC 8555, section 8.3; RFC 8737). */
export type AcmeChallenge =
  | { type: 'http-01'; token: string; keyAuthorization: string }
  | { type: 'tls-alpn-01'; name: string; pair: KeyPair };

export interface AcmeOrder {
  directoryUrl: string;
  /** PEM of the root that the directory's own certificate leads back to; undefined: those that Node knows. */
  rootPem: string | undefined;
  emails: readonly string[];
  /** DNS names, at least one. */
  names: readonly string[];
  challenge: AcmeChallengeType;
  /** EC or RSA, PEM. */
  accountKeyPem: string;
  put(challenge: AcmeChallenge): Promise<void>;
  remove(challenge: AcmeChallenge): Promise<void>;
}

/**
 * Has a certificate issued for a new ECDSA P-256 key (RFC 8555), and registers the account where it is new. Takes
 * seconds to minutes. Throws Error with the authority's words when it refuses.
 */
export async function orderCertificate(order: AcmeOrder): Promise<KeyPair> {
  // Loaded when it is needed: it brings 49 packages with it.
  const acme = await import('./acme.ts');
  return acme.order(order);
}
