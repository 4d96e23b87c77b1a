import { mkdir, open, rename, rmdir, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { isMissing, sizeOf, unless } from './missing.ts';

/**
 * The trash of a file system store, beside `blobs/` on the same file system:
 *
 *   <root>/trash/2026-11-21/<hex>.<id>   of key `sha256/ab/<hex>.<id>`
 *
 * Key and day together name the place, so whoever wrote both down before the file moved can find it in either.
 */
export class TrashDirectory {
  readonly #path: string;
  readonly #changed: (directory: string) => void;

  /** @param changed is told of each directory that lost or got a name, to be synced later. */
  constructor(root: string, changed: (directory: string) => void) {
    this.#path = join(root, 'trash');
    this.#changed = changed;
  }

  /** @returns the bytes that moved; undefined when there was no such file. */
  async take(path: string, key: string, day: string): Promise<number | undefined> {
    const size = await sizeOf(path);
    const moved = size !== undefined && (await this.#move(path, key, day));
    // A file that is not there may have been moved just before a crash: the directories count all the same.
    this.#changed(dirname(path));
    this.#changed(this.#day(day));
    return moved ? size : undefined;
  }

  async #move(path: string, key: string, day: string): Promise<boolean> {
    for (let attempt = 1; ; attempt++) {
      try {
        await rename(path, this.#place(key, day));
        return true;
      } catch (error) {
        if (!isMissing(error)) throw error;
        // A push may have removed its displaced file.
        if ((await sizeOf(path)) === undefined) return false;
        if (attempt === 3) throw error;
      }
      // The first file of a day; or another process has just removed the directory, which was empty.
      await this.#make(this.#path);
      await this.#make(this.#day(day));
    }
  }

  /** @throws Error ENOENT */
  async read(key: string, day: string): Promise<Readable> {
    const file = await open(this.#place(key, day), 'r');
    return file.createReadStream({ highWaterMark: 256 * 1024 });
  }

  /** Bytes; undefined when it is not here. */
  size(key: string, day: string): Promise<number | undefined> {
    return sizeOf(this.#place(key, day));
  }

  /** @returns the bytes that were freed; undefined when there was nothing. */
  async remove(key: string, day: string): Promise<number | undefined> {
    const place = this.#place(key, day);
    const size = await sizeOf(place);
    await unlink(place).catch(unless('ENOENT'));
    this.#changed(this.#day(day));
    await rmdir(this.#day(day)).then(
      () => this.#changed(this.#path),
      unless('ENOTEMPTY', 'ENOENT', 'EEXIST'),
    );
    return size;
  }

  #day(day: string): string {
    if (!/^\d{4}-\d\d-\d\d$/.test(day)) throw new Error(`not a day: ${day}`);
    return join(this.#path, day);
  }

  #place(key: string, day: string): string {
    return join(this.#day(day), basename(key));
  }

  async #make(directory: string): Promise<void> {
    await mkdir(directory, { mode: 0o700 }).then(() => this.#changed(dirname(directory)), unless('EEXIST'));
  }
}
