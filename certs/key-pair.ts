import { createPrivateKey, type KeyObject, type X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { CertificateError } from './errors.ts';
import { parseChain, readPem, validityFault } from './x509.ts';

export interface KeyPairPaths {
  /** PEM: the server's certificate first, then its chain. */
  certificatePath: string;
  /** PEM, not encrypted. */
  keyPath: string;
}

/** PEM texts as node:tls takes them. */
export interface KeyPair {
  cert: string;
  key: string;
}

/**
 * Reads a certificate with its chain and its key, and proves that TLS can serve them now.
 * Throws CertificateError: CERTIFICATE_UNREADABLE, KEY_UNREADABLE, KEY_ENCRYPTED, KEY_MISMATCH,
 * CERTIFICATE_NOT_VALID_NOW, CERTIFICATE_UNUSABLE. `now` is for tests.
 */
export async function loadKeyPair(paths: KeyPairPaths, now = new Date()): Promise<KeyPair> {
  const cert = await readPem(paths.certificatePath, 'CERTIFICATE_UNREADABLE');
  const key = await readPem(paths.keyPath, 'KEY_UNREADABLE');
  checkKeyPair({ cert, key }, paths, now);
  return { cert, key };
}

/** Proves that TLS can serve the pair now; `paths` are for the messages. Throws as loadKeyPair() does. */
export function checkKeyPair(pair: KeyPair, paths: KeyPairPaths, now = new Date()): void {
  const chain = parseChain(pair.cert, paths.certificatePath);
  checkMatch(chain, readKey(pair.key, paths.keyPath), paths);
  const fault = validityFault(chain[0]!, now);
  if (fault) {
    throw new CertificateError(
      'CERTIFICATE_NOT_VALID_NOW',
      `The certificate ${paths.certificatePath} ${fault}, and it is ${now.toISOString()} now`,
      'Renew it, or set the clock',
    );
  }
  try {
    createSecureContext(pair);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const problem = `TLS cannot use ${paths.certificatePath} with ${paths.keyPath} (${reason})`;
    const remedy = 'Issue it with an RSA key of 2048 bits or more, or an ECDSA key, and SHA-256';
    throw new CertificateError('CERTIFICATE_UNUSABLE', problem, remedy, error);
  }
}

function readKey(pem: string, path: string): KeyObject {
  if (/BEGIN ENCRYPTED PRIVATE KEY|Proc-Type: 4,ENCRYPTED/.test(pem)) {
    const remedy = `Decrypt it (openssl pkey -in ${path} -out plain.key) and keep it readable by the server alone`;
    throw new CertificateError('KEY_ENCRYPTED', `The key ${path} is encrypted`, remedy);
  }
  try {
    return createPrivateKey(pem);
  } catch (error) {
    const remedy = 'Put the private key of the certificate there in PEM form';
    throw new CertificateError('KEY_UNREADABLE', `${path} holds no readable PEM private key`, remedy, error);
  }
}

function checkMatch(chain: X509Certificate[], key: KeyObject, paths: KeyPairPaths): void {
  if (chain[0]!.checkPrivateKey(key)) return;
  const isFurtherDown = chain.some((certificate) => certificate.checkPrivateKey(key));
  throw new CertificateError(
    'KEY_MISMATCH',
    `The key ${paths.keyPath} does not belong to the first certificate in ${paths.certificatePath}`,
    isFurtherDown
      ? "It belongs to a later one in that file: put the server's certificate first, its chain after it"
      : 'Put the key there that the certificate was issued for',
  );
}
