import { clientUser, tlsPairs, webAddress } from './tls-values.ts';
import { duration, key, list, oneOf, path } from './values.ts';

/** Certificates and keys. */
export const tlsSettings = {
  'tls.mode': key(
    oneOf('own', 'files', 'acme', 'off'),
    'own',
    '`own`: certificate by the own certificate authority. `files`: the pair in `tls.certificate` and `tls.key`, and those of `tls.pairs`. `acme`: a certificate that an ACME authority such as Let’s Encrypt issues for `hostname`; the own one for all other names. `off`: plain HTTP, for use behind a proxy that ends TLS.',
  ),
  'tls.certificate': key(path, '', 'PEM file with the server certificate and its chain (`tls.mode: files`).'),
  'tls.key': key(path, '', 'PEM file with the private key (`tls.mode: files`).'),
  'tls.pairs': key(
    tlsPairs,
    '',
    'More pairs (`tls.mode: files`), each with `certificate` and `key`; the name that a client asks for chooses among all of them, wildcards too. Clients that ask for another name, or for none, get the first.',
  ),
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
  'tls.hsts': key(
    duration('0', '730d'),
    '0',
    'Tells browsers to ask for this host by HTTPS only, for so long (`Strict-Transport-Security`). 0: not.',
  ),
  'tls.client_certificates': key(
    oneOf('off', 'optional', 'required'),
    'off',
    'Client certificates: not asked for, taken where they are shown, or needed for every request but `/healthz` and `/readyz`.',
  ),
  'tls.client_ca': key(path, '', 'PEM file with the authorities whose client certificates are taken.'),
  'tls.client_crl': key(
    path,
    '',
    'PEM file with their lists of revoked certificates, one of each authority. Empty: none is looked at.',
  ),
  'tls.client_user': key(
    clientUser,
    'cn:{user}',
    'Where a client certificate names its user: `cn:`, `email:`, `dns:` or `uri:` and the form of it, such as `email:{user}@example.com`.',
  ),
  'tls.acme.directory': key(
    webAddress,
    'https://acme-v02.api.letsencrypt.org/directory',
    'Directory of the ACME authority (`tls.mode: acme`). Using it is agreeing to its terms of service.',
  ),
  'tls.acme.ca': key(
    path,
    '',
    'PEM file with the root of the ACME directory’s own certificate, where that is a private one.',
  ),
  'tls.acme.email': key(
    list('e-mail addresses, separated by commas', (entry) => /^[^@\s]+@[^@\s]+$/.test(entry)),
    '',
    'Whom the ACME authority may write to.',
  ),
  'tls.acme.challenge': key(
    oneOf('tls-alpn-01', 'http-01'),
    'tls-alpn-01',
    'How the ACME authority checks that the names are ours: on port 443, which must lead to `port`, or on port 80, which must lead to `http.port`.',
  ),
} as const;
