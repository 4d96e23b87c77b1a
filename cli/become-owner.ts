import { statSync } from 'node:fs';
import { CommandError } from './errors.ts';

/** @types/node lacks it. */
type ProcessWithGroups = NodeJS.Process & { initgroups(user: number, extraGroup: number): void };

/**
 * Run as root on a data directory of another user, becomes that user, for good: files that root makes there are
 * files that the running server cannot open. Does nothing for anybody else, or where nothing is there yet.
 */
export function becomeOwner(directory: string): void {
  if (process.getuid?.() !== 0) return;
  const owner = ownerOf(directory);
  if (!owner || owner.uid === 0) return;
  try {
    takeGroups(owner.uid, owner.gid);
    process.setgid!(owner.gid);
    process.setuid!(owner.uid);
  } catch (error) {
    throw new CommandError(
      `${directory} belongs to user ${owner.uid}, who cannot be assumed: ${(error as Error).message}`,
    );
  }
}

function ownerOf(directory: string) {
  try {
    return statSync(directory);
  } catch {
    // Not there, or not to be reached: whoever needs it says so better.
    return undefined;
  }
}

function takeGroups(uid: number, gid: number): void {
  try {
    (process as ProcessWithGroups).initgroups(uid, gid);
  } catch {
    // No such user in the system's list, as is usual for a container's.
    process.setgroups!([gid]);
  }
}
