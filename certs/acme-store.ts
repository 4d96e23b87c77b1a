import { join } from 'node:path';
import { makeKey, parseKey } from './authority.ts';
import { CertificateError } from './errors.ts';
import { createFile, prepareDirectory, readIfThere, replaceFiles } from './files.ts';
import type { KeyPair, KeyPairPaths } from './key-pair.ts';

/**
 * <data>/certs/acme/   0700
 *   account.key  0600  who we are to the authority; made once and kept
 *   server.crt         certificate with its chain
 *   server.key   0600
 */
export function acmePaths(directory: string): KeyPairPaths & { accountKeyPath: string } {
  return {
    certificatePath: join(directory, 'server.crt'),
    keyPath: join(directory, 'server.key'),
    accountKeyPath: join(directory, 'account.key'),
  };
}

/** The key of the account, made at the first call. Throws CertificateError KEY_UNREADABLE for a damaged one. */
export async function acmeAccountKey(directory: string): Promise<string> {
  const { accountKeyPath } = acmePaths(directory);
  await prepareDirectory(directory);
  if ((await readIfThere(accountKeyPath)) === undefined)
    await createFile(accountKeyPath, await makeKey('ecdsa'));
  const keyPem = (await readIfThere(accountKeyPath)) ?? '';
  if (parseKey(keyPem)) return keyPem;
  const remedy = 'Restore it from a backup, or move it away to begin with a new account';
  throw new CertificateError('KEY_UNREADABLE', `${accountKeyPath} holds no key that can be read`, remedy);
}

/** Puts an issued pair in the place of the one before; servers that watch it take it over. */
export async function saveAcmePair(directory: string, { cert, key }: KeyPair): Promise<void> {
  const { certificatePath, keyPath } = acmePaths(directory);
  await prepareDirectory(directory);
  await replaceFiles([keyPath, key], [certificatePath, cert]);
}
