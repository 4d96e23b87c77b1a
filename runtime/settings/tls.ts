import { key, oneOf, path } from './values.ts';

/** Certificates and keys. */
export const tlsSettings = {
  'tls.mode': key(
    oneOf('own', 'files', 'off'),
    'own',
    '`own`: certificate by the own certificate authority. `files`: the pair in `tls.certificate` and `tls.key`. `off`: plain HTTP, for use behind a proxy that ends TLS.',
  ),
  'tls.certificate': key(path, '', 'PEM file with the server certificate and its chain (`tls.mode: files`).'),
  'tls.key': key(path, '', 'PEM file with the private key (`tls.mode: files`).'),
} as const;
