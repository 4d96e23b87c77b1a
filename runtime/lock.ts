import { setTimeout as delay } from 'node:timers/promises';
import { openExclusively } from './sqlite.ts';

export interface HeldLock {
  release(): void;
}

/**
 * A lock that the kernel frees when its process dies, kill -9 included: a held `BEGIN EXCLUSIVE` on a database of
 * its own.
 * @param waitMs how long to wait for another holder.
 * @returns undefined when somebody else holds it.
 */
export async function acquireLock(path: string, waitMs = 0): Promise<HeldLock | undefined> {
  const deadline = performance.now() + waitMs;
  for (;;) {
    const database = openExclusively(path);
    if (database) return { release: () => database.close() };
    if (performance.now() >= deadline) return undefined;
    await delay(25);
  }
}
