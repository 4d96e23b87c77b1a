import { statSync, unlinkSync } from 'node:fs';
import { unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { syncDirectory, syncDirectoryNow } from '../../runtime/durable-file.ts';
import type { Removal } from './blob-store.ts';
import { sizeOf, unless } from './missing.ts';

/** A disk that takes longer than this for so many removals has to be waited for. */
const slowMs = 50;
const windowLength = 100;

/**
 * Removes files, and syncs the directories that lost a name since they were last synced.
 *
 * Handing a removal to one of Node's threads costs several times what the kernel takes for it, so a process that
 * serves nobody calls it directly. Where the disk makes it wait, it has several threads wait instead.
 */
export class Removals {
  readonly #unsynced = new Set<string>();
  #syncing: Promise<void> = Promise.resolve();
  readonly #mayBlock: boolean;
  /** Of the window under way: removals that are left, whether threads do them, and the time they took. */
  #left = windowLength;
  #byThreads: boolean;
  #spentMs = 0;

  constructor(mayBlock: boolean) {
    this.#mayBlock = mayBlock;
    this.#byThreads = !mayBlock;
  }

  /**
   * A file that is not there may have been unlinked just before a crash: its directory counts all the same.
   * @returns the bytes that were freed; undefined when there was no such file.
   */
  remove(path: string): Removal {
    if (!this.#isDirect()) return this.#removeByThread(path);
    const freed = this.#removeNow(path);
    this.changed(dirname(path));
    return freed;
  }

  /** A directory lost a name, or got one that is to be synced with those. */
  changed(directory: string): void {
    this.#unsynced.add(directory);
  }

  sync(): Promise<void> {
    // One after the other: who comes during a sync is not to believe that it covers what was removed since.
    const synced = this.#syncing.then(() => this.#syncUnsynced());
    this.#syncing = synced.catch(() => undefined);
    return synced;
  }

  async #syncUnsynced(): Promise<void> {
    const directories = [...this.#unsynced];
    this.#unsynced.clear();
    try {
      const left = this.#mayBlock ? syncForAWhile(directories) : directories;
      await Promise.all(left.map((directory) => syncDirectory(directory).catch(unless('ENOENT'))));
    } catch (error) {
      for (const directory of directories) this.#unsynced.add(directory);
      throw error;
    }
  }

  #isDirect(): boolean {
    if (this.#mayBlock && this.#left-- === 0) this.#begin(false);
    return !this.#byThreads;
  }

  #begin(byThreads: boolean): void {
    this.#byThreads = byThreads;
    this.#left = windowLength;
    this.#spentMs = 0;
  }

  #removeNow(path: string): number | undefined {
    const startedAt = performance.now();
    const size = statSync(path, { throwIfNoEntry: false })?.size;
    const freed = size !== undefined && ifThere(() => unlinkSync(path)) ? size : undefined;
    this.#spentMs += performance.now() - startedAt;
    if (this.#spentMs > slowMs) this.#begin(true);
    return freed;
  }

  async #removeByThread(path: string): Promise<number | undefined> {
    const size = await sizeOf(path);
    const isThere = await unlink(path).then(() => true, unless('ENOENT'));
    this.changed(dirname(path));
    return isThere ? size : undefined;
  }
}

/** As long as the disk does not make the process wait. @returns the directories that are left. */
function syncForAWhile(directories: readonly string[]): readonly string[] {
  const deadline = performance.now() + slowMs;
  for (const [index, directory] of directories.entries()) {
    if (performance.now() > deadline) return directories.slice(index);
    ifThere(() => syncDirectoryNow(directory));
  }
  return [];
}

/** @returns false where there is no such file. */
function ifThere(work: () => void): boolean {
  try {
    work();
    return true;
  } catch (error) {
    unless('ENOENT')(error);
    return false;
  }
}
