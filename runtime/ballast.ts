import { randomBytes } from 'node:crypto';
import { open, rename, rm, stat, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * A file that takes up room beside the databases. Every deletion is written to a database first, so on a disk that
 * is full to the last byte nothing could be deleted any more; letting go of this file makes the room for it.
 */
const maxBytes = 8 * 2 ** 20;
/** Of a small file system it takes this part only. */
const part = 64;
const writeBytes = 2 ** 20;

/**
 * Makes the file unless it is there. One process at a time does it, the core. The bytes are random, since a file
 * system may store zeros in no space at all.
 */
export async function keepBallast(path: string): Promise<void> {
  if (await stat(path).catch(() => undefined)) return;
  const { bsize, blocks } = await statfs(dirname(path));
  const bytes = Math.min(maxBytes, Math.floor((blocks * bsize) / part));
  const temporary = `${path}.new`;
  try {
    const file = await open(temporary, 'w', 0o600);
    try {
      for (let left = bytes; left > 0; left -= writeBytes) {
        await file.write(randomBytes(Math.min(left, writeBytes)));
      }
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** @returns whether there was one to let go of. */
export async function releaseBallast(path: string): Promise<boolean> {
  try {
    await rm(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

/** A database or a file system said that there is no room. SQLite has a code of its own for its shared memory. */
export function isDiskFull(error: unknown): boolean {
  const { code } = (error ?? {}) as NodeJS.ErrnoException;
  return ['SQLITE_FULL', 'SQLITE_IOERR_SHMSIZE', 'ENOSPC', 'EDQUOT'].includes(code ?? '');
}

/** Does it; where the disk is full, once more in the room of the ballast. */
export async function withBallast<Result>(path: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (!isDiskFull(error) || !(await releaseBallast(path))) throw error;
    return await work();
  }
}
