import { chmod, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { dataPaths } from '../runtime/config.ts';
import type { Config } from '../runtime/config-schema.ts';
import { acquireLock, type HeldLock } from '../runtime/lock.ts';

/** The data directory cannot be used: it cannot be written, or another Gatehouse has it. */
export class DataDirectoryError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'DataDirectoryError';
  }
}

/** Of the supervisor alone, beside the sockets of the processes. */
export function supervisorPaths(config: Config) {
  const { run } = dataPaths(config);
  return { socket: join(run, 'supervisor.sock'), pid: join(run, 'supervisor.pid') };
}

// A supervisor that was killed a moment ago holds the lock until the kernel has taken it apart.
const lockWaitMs = 500;

/**
 * Makes the data directory with `run/`, for its owner alone, and locks it for this process. The kernel frees the
 * lock when the process dies, however it dies. To be called once in a process.
 * @throws DataDirectoryError in words for the operator.
 */
export async function lockDataDirectory(config: Config): Promise<HeldLock> {
  const paths = dataPaths(config);
  let lock: HeldLock | undefined;
  try {
    await makeDirectory(config.data);
    await makeDirectory(paths.run);
    // Whoever reaches run/ reaches the control sockets.
    await chmod(paths.run, 0o700);
    lock = await acquireLock(paths.lock, lockWaitMs);
    if (lock) await writeFile(supervisorPaths(config).pid, `${process.pid}\n`, { mode: 0o600 });
  } catch (error) {
    lock?.release();
    throw new DataDirectoryError(`the data directory ${config.data} cannot be used: ${reason(error)}`, error);
  }
  if (lock) return lock;
  throw new DataDirectoryError(
    `another Gatehouse (${await holder(config)}) runs on the data directory ${config.data}; stop it first, or choose another one with --data`,
  );
}

/** With its parents. Node's own recursive mkdir never ends where nothing can be made, as in /proc. */
async function makeDirectory(path: string, mayMakeParent = true): Promise<void> {
  try {
    await mkdir(path, { mode: 0o700 });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' && (await stat(path)).isDirectory()) return;
    if (code !== 'ENOENT' || !mayMakeParent) throw error;
    await makeDirectory(dirname(path));
    await makeDirectory(path, false);
  }
}

async function holder(config: Config): Promise<string> {
  const text = await readFile(supervisorPaths(config).pid, 'utf8').catch(() => '');
  return /^[0-9]+\n$/.test(text) ? `process ${text.trim()}` : 'process unknown';
}

function reason(error: unknown): string {
  const { code, message, path } = error as NodeJS.ErrnoException;
  const words: Record<string, string> = {
    EACCES: 'permission denied',
    EPERM: 'it belongs to another user',
    EROFS: 'its file system is read-only',
    ENOTDIR: 'a part of its path is not a directory',
    EEXIST: 'it is not a directory',
    ENOENT: 'nothing can be made there',
    ENOSPC: 'no space left on its file system',
    EDQUOT: 'the disk quota is used up',
  };
  const word = words[code ?? ''];
  return word ? `${word}${path ? ` (${path})` : ''}` : message;
}
