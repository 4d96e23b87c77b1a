import type { X509Certificate } from 'node:crypto';
import { alternativeNames } from '../../certs/index.ts';
import type { ClientUser } from '../../runtime/settings/tls-values.ts';

const kinds = { email: 'email', dns: 'DNS', uri: 'URI' } as const;

/**
 * The user that a client certificate names (`tls.client_user`), exactly and only once: of several values that fit it
 * would be chance which one counts. Undefined: none.
 */
export function userOf(
  certificate: X509Certificate,
  { field, before, after }: ClientUser,
): string | undefined {
  const values = field === 'cn' ? commonNames(certificate) : alternativesOf(certificate, kinds[field]);
  const users = values
    .filter((value) => value.length > before.length + after.length)
    .filter((value) => value.startsWith(before) && value.endsWith(after))
    .map((value) => value.slice(before.length, value.length - after.length));
  return users.length === 1 ? users[0] : undefined;
}

function alternativesOf(certificate: X509Certificate, wanted: string): string[] {
  return alternativeNames(certificate)
    .filter(({ kind }) => kind === wanted)
    .map(({ value }) => value);
}

function commonNames(certificate: X509Certificate): string[] {
  const subject = certificate.toLegacyObject().subject as { CN?: string | string[] } | undefined;
  return [subject?.CN ?? []].flat();
}
