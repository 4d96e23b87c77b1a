import { randomBytes } from 'node:crypto';
import { link, mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { systemErrorCode } from './errors.ts';

/**
 * <data>/certs/        0700
 *   ca.crt             the authority that clients trust; never replaced
 *   ca.key      0600   may be taken away once the server certificate exists
 *   server.crt         server certificate, then ca.crt
 *   server.key  0600
 *   .*.tmp             writing in progress, or a leftover of a crash
 */
export interface CertificatePaths {
  caCertificatePath: string;
  caKeyPath: string;
  certificatePath: string;
  keyPath: string;
}

export function certificatePaths(directory: string): CertificatePaths {
  return {
    caCertificatePath: join(directory, 'ca.crt'),
    caKeyPath: join(directory, 'ca.key'),
    certificatePath: join(directory, 'server.crt'),
    keyPath: join(directory, 'server.key'),
  };
}

const KEY_MODE = 0o600;
const CERTIFICATE_MODE = 0o644;
const LEFTOVER_AGE_MILLISECONDS = 600_000;

/** Makes the directory where it is missing, and removes what a crashed writer left there. */
export async function prepareDirectory(directory: string): Promise<void> {
  const made = await mkdir(directory, { recursive: true, mode: 0o700 });
  if (made !== undefined) {
    await syncDirectory(dirname(made));
    await syncDirectory(dirname(directory));
  }
  for (const name of await readdir(directory)) {
    if (!/^\..*\.tmp$/.test(name)) continue;
    const path = join(directory, name);
    // A young one may belong to another process that is about to rename it.
    const modified = (await stat(path).catch(() => undefined))?.mtimeMs ?? Number.POSITIVE_INFINITY;
    if (Date.now() - modified > LEFTOVER_AGE_MILLISECONDS) await rm(path, { force: true });
  }
}

/** The text of a file, undefined where there is none. Other failures throw. */
export async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/**
 * Creates a file, complete and durable, unless there is one already: of several processes that try,
 * exactly one succeeds. Resolves to whether it was this one.
 */
export async function createFile(path: string, text: string): Promise<boolean> {
  const temporary = await writeTemporary(path, text);
  try {
    await link(temporary, path);
    return true;
  } catch (error) {
    if (systemErrorCode(error) === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(temporary, { force: true });
    await syncDirectory(dirname(path));
  }
}

/**
 * Puts files of one directory in the place of others, durably and in the given order. A reader sees
 * the old or the new text of each, never a part; between the files pass only microseconds.
 */
export async function replaceFiles(...files: [path: string, text: string][]): Promise<void> {
  const written: [temporary: string, path: string][] = [];
  try {
    for (const [path, text] of files) written.push([await writeTemporary(path, text), path]);
    for (const [temporary, path] of written) await rename(temporary, path);
  } catch (error) {
    for (const [temporary] of written) await rm(temporary, { force: true });
    throw error;
  }
  await syncDirectory(dirname(files[0]![0]));
}

async function writeTemporary(path: string, text: string): Promise<string> {
  const name = path.slice(dirname(path).length + 1);
  const temporary = join(dirname(path), `.${name}.${randomBytes(8).toString('hex')}.tmp`);
  const file = await open(temporary, 'wx', /\.key(\.old)?$/.test(name) ? KEY_MODE : CERTIFICATE_MODE);
  try {
    await file.writeFile(text);
    await file.sync();
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  } finally {
    await file.close();
  }
  return temporary;
}

async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
