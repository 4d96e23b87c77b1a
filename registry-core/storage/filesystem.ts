import { createReadStream } from 'node:fs';
import { mkdir, open, readdir, rename, rmdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { syncDirectory, syncFile } from '../../runtime/durable-file.ts';
import { faultPoint } from '../../runtime/fault-points.ts';
import type { BlobLocation, BlobStore, Removal, StoredFile, UploadFile } from './blob-store.ts';
import { DirectWrites, mayWriteDirectly } from './direct-writes.ts';
import { newKey } from './key.ts';
import { listFiles } from './listing.ts';
import { isMissing, sizeOf, unless } from './missing.ts';
import { OpenUpload } from './open-upload.ts';
import { Removals } from './removals.ts';
import { TrashDirectory } from './trash.ts';

const uploadName = /^[0-9a-f-]{36}$/;

export interface FilesystemOptions {
  /** This process serves nobody: its event loop may wait for short calls to the file system. */
  mayBlock?: boolean;
  /** Large parts of uploads are written past the system’s cache, where the disk is not behind a network. Default: yes. */
  directWrites?: boolean;
}

/**
 * Bytes in files of one file system:
 *
 *   <root>/blobs/sha256/ab/<hex>.<id>   key `sha256/ab/<hex>.<id>`
 *   <root>/uploads/<session id>
 *   <root>/trash/2026-11-21/<hex>.<id>
 *
 * upload → sync file → rename → sync directory: a name is never there without its bytes.
 */
export class FilesystemStore implements BlobStore {
  readonly #root: string;
  readonly #knownDirectories = new Set<string>();
  readonly #removals: Removals;
  readonly #trash: TrashDirectory;
  readonly #writesDirectly: boolean;

  private constructor(root: string, mayBlock: boolean, writesDirectly: boolean) {
    this.#root = root;
    this.#writesDirectly = writesDirectly;
    this.#removals = new Removals(mayBlock);
    this.#trash = new TrashDirectory(root, (directory) => this.#removals.changed(directory));
  }

  static async open(
    root: string,
    { mayBlock = false, directWrites = true }: FilesystemOptions = {},
  ): Promise<FilesystemStore> {
    await mkdir(root, { recursive: true, mode: 0o700 });
    const store = new FilesystemStore(root, mayBlock, directWrites && (await mayWriteDirectly(root)));
    await store.#ensureDirectory(join(root, 'blobs'));
    await store.#ensureDirectory(join(root, 'uploads'));
    return store;
  }

  readonly newKey = newKey;

  async createUpload(id: string): Promise<void> {
    const file = await open(this.#uploadPath(id), 'w', 0o600);
    await file.close();
  }

  async openUpload(id: string, offset: number): Promise<UploadFile> {
    const path = this.#uploadPath(id);
    const file = await open(path, 'r+');
    try {
      const { size } = await file.stat();
      if (size < offset) throw new Error(`upload ${id} has ${size} bytes, fewer than ${offset}`);
      if (size > offset) await file.truncate(offset);
      return new OpenUpload(file, offset, this.#writesDirectly ? new DirectWrites(path) : undefined);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  uploadSize(id: string): Promise<number | undefined> {
    return sizeOf(this.#uploadPath(id));
  }

  readUpload(id: string, end: number): Readable {
    return createReadStream(this.#uploadPath(id), { end: end - 1, highWaterMark: 256 * 1024 });
  }

  async commitUpload(id: string, key: string): Promise<void> {
    await this.placeUpload(id, key);
    await syncDirectory(dirname(this.#blobPath(key)));
  }

  async placeUpload(id: string, key: string): Promise<void> {
    const target = await this.#placeFor(key);
    try {
      await rename(this.#uploadPath(id), target);
    } catch (error) {
      // A crash came after the rename: the file is where it belongs.
      if (!isMissing(error) || (await sizeOf(target)) === undefined) throw error;
    }
    faultPoint('core.upload.renamed');
  }

  async writeBlob(key: string, bytes: Uint8Array): Promise<void> {
    await writeFile(await this.#placeFor(key), bytes, { mode: 0o600 });
    faultPoint('core.blob.written');
  }

  async makeDurable(keys: readonly string[]): Promise<string[]> {
    const missing: string[] = [];
    for (const key of keys) {
      await syncFile(this.#blobPath(key)).catch((error) => {
        if (!isMissing(error)) throw error;
        missing.push(key);
      });
    }
    const directories = new Set(keys.map((key) => dirname(this.#blobPath(key))));
    for (const directory of directories) await syncDirectory(directory).catch(unless('ENOENT'));
    return missing;
  }

  async uploadIds(): Promise<string[]> {
    const names = await readdir(join(this.#root, 'uploads'));
    return names.filter((name) => uploadName.test(name));
  }

  async discardUpload(id: string): Promise<number | undefined> {
    return this.#removals.remove(this.#uploadPath(id));
  }

  size(key: string): Promise<number | undefined> {
    return sizeOf(this.#blobPath(key));
  }

  async read(key: string, start: number, end: number): Promise<Readable> {
    const file = await open(this.#blobPath(key), 'r');
    return file.createReadStream({ start, end, highWaterMark: 256 * 1024 });
  }

  locate(key: string): BlobLocation {
    return { form: 'file', path: `/blobs/${key}` };
  }

  remove(key: string): Removal {
    return this.#removals.remove(this.#blobPath(key));
  }

  list(): AsyncIterable<StoredFile> {
    return listFiles(this.#root);
  }

  trash(key: string, day: string): Promise<number | undefined> {
    return this.#trash.take(this.#blobPath(key), key, day);
  }

  async readTrashed(key: string, day: string): Promise<Readable> {
    const path = this.#blobPath(key);
    return this.#trash.read(key, day).catch(async (error) => {
      if (!isMissing(error)) throw error;
      const file = await open(path, 'r');
      return file.createReadStream({ highWaterMark: 256 * 1024 });
    });
  }

  async trashedSize(key: string, day: string): Promise<number | undefined> {
    return (await this.#trash.size(key, day)) ?? (await sizeOf(this.#blobPath(key)));
  }

  removeTrashed(key: string, day: string): Promise<number | undefined> {
    this.#blobPath(key);
    return this.#trash.remove(key, day);
  }

  syncRemovals(): Promise<void> {
    return this.#removals.sync();
  }

  /** @returns the path of a key, whose directory is there for good. */
  async #placeFor(key: string): Promise<string> {
    const path = this.#blobPath(key);
    const directory = dirname(path);
    if (this.#knownDirectories.has(directory)) return path;
    const parent = dirname(directory);
    if (!this.#knownDirectories.has(parent)) {
      await this.#ensureDirectory(parent);
      // One sync for all that an earlier process may have made just before it died.
      const names = await readdir(parent);
      await syncDirectory(parent);
      for (const name of names) this.#knownDirectories.add(join(parent, name));
    }
    await this.#ensureDirectory(directory);
    return path;
  }

  /** A new directory's own name must survive power loss too. */
  async #ensureDirectory(path: string): Promise<void> {
    if (this.#knownDirectories.has(path)) return;
    const made = await mkdir(path, { mode: 0o700 }).then(
      () => true,
      (error) => {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
        return false;
      },
    );
    await syncDirectory(dirname(path)).catch(async (error) => {
      // Syncing again would prove nothing, making it again does.
      if (made) await rmdir(path).catch(() => undefined);
      throw error;
    });
    this.#knownDirectories.add(path);
  }

  #blobPath(key: string): string {
    if (!/^(sha256|sha512)\/[0-9a-f]{2}\/[0-9a-f]+\.[0-9a-z]+$/.test(key))
      throw new Error(`not a storage key: ${key}`);
    return join(this.#root, 'blobs', key);
  }

  #uploadPath(id: string): string {
    if (!uploadName.test(id)) throw new Error(`not a session id: ${id}`);
    return join(this.#root, 'uploads', id);
  }
}
