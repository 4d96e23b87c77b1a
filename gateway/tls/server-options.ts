import { constants } from 'node:crypto';
import type { SecureContextOptions } from 'node:tls';
import type { ClientAuthority, KeyPair } from '../../certs/index.ts';

/**
 * TLS 1.2 with forward secrecy and authenticated encryption alone: no CBC, no finite-field Diffie-Hellman, no key
 * exchange by RSA. The names of TLS 1.3 stand in the same list.
 */
const ciphers = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
].join(':');

/** How long a session may be resumed, in seconds. */
export const sessionTimeout = 3600;

/** What every context of this server has, whichever certificate it presents. */
export function contextOptions(
  { cert, key }: KeyPair,
  clients: ClientAuthority | undefined,
): SecureContextOptions {
  const { ca, crl } = clients ?? {};
  return {
    cert,
    key,
    minVersion: 'TLSv1.2',
    ciphers,
    honorCipherOrder: true,
    // A client that asks for it again and again costs a handshake each time (CVE-2011-1473).
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
    sessionTimeout,
    ...(ca === undefined ? {} : { ca }),
    ...(crl === undefined ? {} : { crl }),
  };
}
