import { open, readFile, rm } from 'node:fs/promises';
import { parseKey, readAuthority } from './authority.ts';
import { CertificateError, systemErrorCode } from './errors.ts';
import { type CertificatePaths, certificatePaths, createFile, prepareDirectory } from './files.ts';

/**
 * Copies the authority's key to a new file, for its owner alone, and then, with `remove`, takes it out of the
 * directory: from then on the server certificate serves until its end, and nothing is issued.
 * Throws CertificateError CA_KEY_MISSING, KEY_EXISTS where the file is there already.
 */
export async function exportAuthorityKey(
  directory: string,
  file: string,
  { remove = false, now = new Date() } = {},
): Promise<void> {
  const paths = certificatePaths(directory);
  const keyPem = (await readAuthority(paths, now))?.keyPem;
  if (keyPem === undefined) {
    const remedy = 'It was taken away already, or no certificate was ever made here';
    throw new CertificateError('CA_KEY_MISSING', `There is no ${paths.caKeyPath}`, remedy);
  }
  await writeNew(file, keyPem);
  if ((await readFile(file, 'utf8')) !== keyPem) throw new Error(`${file} does not hold what was written`);
  if (remove) await rm(paths.caKeyPath);
}

async function writeNew(path: string, text: string): Promise<void> {
  try {
    const file = await open(path, 'wx', 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
  } catch (error) {
    if (systemErrorCode(error) !== 'EEXIST') throw error;
    const remedy = 'Name a file that does not exist yet';
    throw new CertificateError('KEY_EXISTS', `${path} is there already`, remedy, error);
  }
}

/**
 * Puts the authority's key back from a file, after comparing it with the authority's certificate.
 * Throws CertificateError: CA_MISSING, CA_KEY_PRESENT, CA_KEY_UNUSABLE.
 */
export async function importAuthorityKey(directory: string, file: string, now = new Date()): Promise<void> {
  const paths = certificatePaths(directory);
  await prepareDirectory(directory);
  const authority = await readAuthority(paths, now);
  if (!authority) {
    const remedy = 'A key is imported beside the certificate that it belongs to';
    throw new CertificateError('CA_MISSING', `There is no ${paths.caCertificatePath}`, remedy);
  }
  if (authority.keyPem !== undefined) throw present(paths);
  const keyPem = await readFile(file, 'utf8');
  const key = parseKey(keyPem);
  if (!key || !authority.certificate.checkPrivateKey(key)) {
    const problem = `${file} does not hold the key of ${paths.caCertificatePath}`;
    throw new CertificateError('CA_KEY_UNUSABLE', problem, 'Name the file that cert export-ca-key wrote');
  }
  if (!(await createFile(paths.caKeyPath, keyPem))) throw present(paths);
}

function present(paths: CertificatePaths): CertificateError {
  const problem = `${paths.caKeyPath} is there already`;
  return new CertificateError('CA_KEY_PRESENT', problem, 'Nothing has to be imported');
}
