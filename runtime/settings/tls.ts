import { duration, key, oneOf, path } from './values.ts';

/** Certificates and keys. */
export const tlsSettings = {
  'tls.mode': key(
    oneOf('own', 'files', 'off'),
    'own',
    '`own`: certificate by the own certificate authority. `files`: the pair in `tls.certificate` and `tls.key`. `off`: plain HTTP, for use behind a proxy that ends TLS.',
  ),
  'tls.certificate': key(path, '', 'PEM file with the server certificate and its chain (`tls.mode: files`).'),
  'tls.key': key(path, '', 'PEM file with the private key (`tls.mode: files`).'),
  'tls.key_type': key(
    oneOf('ecdsa', 'rsa'),
    'ecdsa',
    'Kind of the keys of a new certificate authority and of what it issues: `ecdsa` (P-256), or `rsa` (2048 bits) for very old clients. An authority that is there keeps its own.',
  ),
  'tls.lifetime': key(
    duration('10s', '396d'),
    '396d',
    'How long a certificate by the own authority is valid. It is renewed, by itself, when a third of that is left, at most 30 days.',
  ),
} as const;
