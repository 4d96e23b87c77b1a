import { blockBytes, type UploadFile } from './storage/blob-store.ts';
import { giveUploadBufferBack, takeUploadBuffer, type UploadBuffer } from './upload-buffers.ts';

/** Few and large writes of what comes in small chunks, one of them under way while the next is gathered. */
export class GatheredWrites {
  readonly #file: UploadFile;
  #buffer: UploadBuffer = takeUploadBuffer(0);
  #filled = 0;
  #received = 0;
  /** Offset in the file of the buffer's first byte. */
  #start: number;
  #writing: Promise<void> = Promise.resolve();

  constructor(file: UploadFile) {
    this.#file = file;
    this.#start = file.offset;
  }

  /** @returns what has to be waited for before the chunk may change and there may be more. */
  add(chunk: Uint8Array): Promise<void> | undefined {
    if (chunk.length >= this.#room() - this.#filled) return this.#fill(chunk);
    this.#buffer.bytes.set(chunk, this.#filled);
    this.#filled += chunk.length;
    this.#received += chunk.length;
    return undefined;
  }

  async #fill(chunk: Uint8Array): Promise<void> {
    for (let position = 0; position < chunk.length; ) {
      const count = Math.min(this.#room() - this.#filled, chunk.length - position);
      this.#buffer.bytes.set(chunk.subarray(position, position + count), this.#filled);
      this.#filled += count;
      position += count;
      if (this.#filled === this.#room()) await this.#write();
    }
    this.#received += chunk.length;
  }

  /** Resolves when all that was added is in the file. */
  async flush(): Promise<void> {
    if (this.#filled > 0) await this.#write();
    await this.#writing;
  }

  /** To be called at the end, also after an error. Resolves when nothing is being written any more. */
  async close(): Promise<void> {
    await this.#writing.catch(() => undefined);
    giveUploadBufferBack(this.#buffer);
  }

  /** Resolves when the write before this one is done, and its buffer free. */
  async #write(): Promise<void> {
    await this.#writing;
    const written = this.#buffer;
    this.#writing = this.#file
      .append([written.bytes.subarray(0, this.#filled)])
      .finally(() => giveUploadBufferBack(written));
    // It is told to whoever waits for it next.
    this.#writing.catch(() => undefined);
    this.#start += this.#filled;
    this.#buffer = takeUploadBuffer(this.#received);
    this.#filled = 0;
  }

  /** So much of the buffer that the next one begins with a block. */
  #room(): number {
    return this.#buffer.bytes.length - (this.#start % blockBytes);
  }
}
