import { constants } from 'node:fs';
import { type FileHandle, open, statfs } from 'node:fs/promises';
import { blockBytes } from './blob-store.ts';

/** A direct write waits for the disk; small ones are better gathered by the system. */
const leastBytes = 128 * 1024;

/** Types of `statfs` where a direct write is one over the network, and waits until a server has it on its disk. */
const networkTypes = new Set([
  0x6969, // NFS
  0x517b, // SMB
  0xff534d42, // CIFS
  0xfe534d42, // SMB2
  0x00c36400, // Ceph
  0x65735546, // FUSE
  0x01021997, // 9p
]);

/** Whether files below this directory are to be written past the cache of the system. */
export async function mayWriteDirectly(directory: string): Promise<boolean> {
  if (constants.O_DIRECT === undefined) return false;
  const { type } = await statfs(directory);
  return !networkTypes.has(type);
}

/**
 * A way past the cache of the system into a file. A layer that is written through the cache costs a page of memory for
 * each of its pages and one more copy, and waits for the disk at its end; written directly, it goes to the disk while
 * it arrives. What is small, or does not begin and end with a block, is left to the ordinary way, and so is everything
 * where the file system refuses.
 */
export class DirectWrites {
  readonly #path: string;
  #file: FileHandle | undefined;
  #isRefused = false;

  constructor(path: string) {
    this.#path = path;
  }

  /** @returns how many bytes were written, from the first on; 0 where it is not to be done this way. */
  async write(bytes: Uint8Array, position: number): Promise<number> {
    const { byteOffset, length } = bytes;
    const isWhole = [byteOffset, length, position].every((place) => place % blockBytes === 0);
    if (!isWhole || length < leastBytes || this.#isRefused) return 0;
    try {
      this.#file ??= await open(this.#path, constants.O_WRONLY | constants.O_DIRECT | constants.O_NOFOLLOW);
      return (await this.#file.write(bytes, 0, length, position)).bytesWritten;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EINVAL') throw error;
      this.#isRefused = true;
      return 0;
    }
  }

  async close(): Promise<void> {
    await this.#file?.close();
  }
}
