import { maxJournaledBytes } from './blob-journal.ts';

/** The bytes of an upload, until they are too many for the journal. */
export class SmallContent {
  #chunks: Uint8Array[] | undefined = [];
  #length = 0;

  add(chunk: Uint8Array): void {
    this.#length += chunk.length;
    if (this.#length > maxJournaledBytes) this.#chunks = undefined;
    // A chunk's memory is given back when its bytes were copied for the disk.
    this.#chunks?.push(Buffer.from(chunk));
  }

  /** undefined when they were too many. */
  bytes(): Uint8Array | undefined {
    return this.#chunks && Buffer.concat(this.#chunks);
  }
}
