import { createSecureContext } from 'node:tls';
import { CertificateError } from './errors.ts';
import { watchFiles } from './watch.ts';
import { parseChain, readPem } from './x509.ts';

export interface ClientAuthorityPaths {
  /** PEM: authorities whose client certificates are taken. */
  caPath: string;
  /** PEM: their lists of revoked certificates, one of each authority; undefined: none is looked at. */
  crlPath: string | undefined;
}

/** PEM texts as node:tls takes them. */
export interface ClientAuthority {
  ca: string;
  crl: string | undefined;
}

/** Reads and proves both files. Throws CertificateError CERTIFICATE_UNREADABLE, CERTIFICATE_UNUSABLE, CRL_UNREADABLE. */
export async function loadClientAuthority(paths: ClientAuthorityPaths): Promise<ClientAuthority> {
  const ca = await readPem(paths.caPath, 'CERTIFICATE_UNREADABLE');
  const crl = paths.crlPath === undefined ? undefined : await readPem(paths.crlPath, 'CRL_UNREADABLE');
  check({ ca, crl }, paths);
  return { ca, crl };
}

/** As watchFiles(), for these. */
export function watchClientAuthority(
  paths: ClientAuthorityPaths,
  current: ClientAuthority,
  on: { change(authority: ClientAuthority): void; error(error: CertificateError): void },
): { close(): void } {
  const files = [paths.caPath, ...(paths.crlPath === undefined ? [] : [paths.crlPath])];
  const authorityOf = ([ca, crl]: readonly string[]): ClientAuthority => ({ ca: ca!, crl });
  return watchFiles(files, {
    current: [current.ca, ...(current.crl === undefined ? [] : [current.crl])],
    check: (texts) => check(authorityOf(texts), paths),
    onChange: (texts) => on.change(authorityOf(texts)),
    onError: on.error,
  });
}

function check({ ca, crl }: ClientAuthority, { caPath, crlPath }: ClientAuthorityPaths): void {
  const other = parseChain(ca, caPath).find((certificate) => !certificate.ca);
  if (other) {
    throw new CertificateError(
      'CERTIFICATE_UNUSABLE',
      `${caPath} holds a certificate that is no authority's (${other.subject.replaceAll('\n', ', ')})`,
      'Put there the certificates of the authorities that issue client certificates, and nothing else',
    );
  }
  if (crl === undefined) return;
  try {
    createSecureContext({ ca, crl });
  } catch (error) {
    throw new CertificateError(
      'CRL_UNREADABLE',
      `${crlPath} holds no list of revoked certificates that can be read`,
      'Put it there in PEM form (openssl crl -inform der converts)',
      error,
    );
  }
}
