import type { FileHandle } from 'node:fs/promises';
import type { UploadFile } from './blob-store.ts';
import type { DirectWrites } from './direct-writes.ts';

/** The file of an upload that is being written, by one writer at a time. */
export class OpenUpload implements UploadFile {
  readonly #file: FileHandle;
  readonly #direct: DirectWrites | undefined;
  offset: number;

  constructor(file: FileHandle, offset: number, direct?: DirectWrites) {
    this.#file = file;
    this.#direct = direct;
    this.offset = offset;
  }

  async append(chunks: readonly Uint8Array[]): Promise<void> {
    let rest = chunks.filter((chunk) => chunk.length > 0);
    if (this.#direct && rest.length === 1) {
      const written = await this.#direct.write(rest[0]!, this.offset);
      this.offset += written;
      rest = dropBytes(rest, written);
    }
    while (rest.length > 0) {
      const { bytesWritten } = await this.#file.writev(rest, this.offset);
      this.offset += bytesWritten;
      rest = dropBytes(rest, bytesWritten);
    }
  }

  async truncate(offset: number): Promise<void> {
    await this.#file.truncate(offset);
    this.offset = offset;
  }

  async sync(): Promise<void> {
    await this.#file.sync();
  }

  async close(): Promise<void> {
    try {
      await this.#direct?.close();
    } finally {
      await this.#file.close();
    }
  }
}

/** What a short write left. */
function dropBytes(chunks: Uint8Array[], count: number): Uint8Array[] {
  let left = count;
  return chunks.flatMap((chunk) => {
    const skipped = Math.min(left, chunk.length);
    left -= skipped;
    return skipped === chunk.length ? [] : [chunk.subarray(skipped)];
  });
}
