import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Makes a file in a directory and removes it: a disk that has become read-only, or fails, is found before somebody's
 * push finds it. A full disk is no fault here: pulls and deletions go on, and `storage.reserve` tells of it.
 * @returns what is wrong, undefined when nothing is.
 */
export async function probeWriting(directory: string): Promise<string | undefined> {
  const path = join(directory, `.gatehouse-probe-${process.pid}`);
  try {
    const file = await open(path, 'w', 0o600);
    await file.close();
    return undefined;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOSPC' || code === 'EDQUOT') return undefined;
    return `${directory} cannot be written: ${message}`;
  } finally {
    await rm(path, { force: true }).catch(() => undefined);
  }
}
