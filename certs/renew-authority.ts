import { rm } from 'node:fs/promises';
import { authorityText, makeKey, readAuthority } from './authority.ts';
import { type CertificateRequest, type EnsuredCertificates, ensureCertificates } from './ensure.ts';
import { certificatePaths, prepareDirectory, readIfThere, replaceFiles } from './files.ts';
import { canonicalNames } from './names.ts';
import { MAXIMUM_LIFETIME_MILLISECONDS, presentNames, serverText } from './server-certificate.ts';

/**
 * Puts a new authority and a server certificate by it in the place of those that are there, for `names` and those
 * that the server certificate holds already. Every client has to trust the new one. The old authority stays beside it
 * as `ca.crt.old` and `ca.key.old`. A crash half-way is mended by calling again.
 */
export async function renewAuthority(request: CertificateRequest): Promise<EnsuredCertificates> {
  const { directory, keyType = 'ecdsa', lifetimeMs = MAXIMUM_LIFETIME_MILLISECONDS } = request;
  const now = request.now ?? new Date();
  const paths = certificatePaths(directory);
  await prepareDirectory(directory);
  const names = canonicalNames([...request.names, ...(await presentNames(paths))]);
  const [caKeyPem, serverKeyPem] = await Promise.all([makeKey(keyType), makeKey(keyType)]);
  const certificatePem = await authorityText(caKeyPem, names, now);
  await keepOld(paths.caCertificatePath);
  await keepOld(paths.caKeyPath);
  // Without a key an authority still verifies; with another's key nothing would start.
  await rm(paths.caKeyPath, { force: true });
  await replaceFiles([paths.caCertificatePath, certificatePem], [paths.caKeyPath, caKeyPem]);
  const authority = (await readAuthority(paths, now))!;
  const text = await serverText(serverKeyPem, { ...authority, keyPem: caKeyPem }, { names, now, lifetimeMs });
  await replaceFiles([paths.keyPath, serverKeyPem], [paths.certificatePath, text]);
  const ensured = await ensureCertificates({ ...request, names });
  return { ...ensured, created: true, reissued: false, reason: undefined };
}

async function keepOld(path: string): Promise<void> {
  const text = await readIfThere(path);
  if (text !== undefined) await replaceFiles([`${path}.old`, text]);
}
