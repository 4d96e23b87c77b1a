import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import type { Witness } from '../runtime/read-messages.ts';
import { oncePerTurn } from '../runtime/turn.ts';

let opened = 0;

/**
 * Tells whether the core's store has changed by looking at the file that the core names for it: 1 µs, where a question
 * costs two processes some 100 and wakes one that had nothing to do.
 */
export class VersionWitness {
  /** What one witness says is nothing to compare with what another does. */
  readonly #name = ++opened;
  readonly #bytes: Buffer;
  #fd: number | undefined;
  readonly #seen = oncePerTurn(() => this.#lookAgain());

  /** @throws Error of `open(2)`. */
  constructor({ path, bytes }: Witness) {
    this.#bytes = Buffer.alloc(bytes);
    this.#fd = openSync(path, 'r');
  }

  get isThere(): boolean {
    return this.#fd !== undefined;
  }

  /** @returns the same text for as long as the store is the same; undefined, from then on, when the file is gone. */
  look(): string | undefined {
    return this.isThere ? this.#seen() : undefined;
  }

  #lookAgain(): string | undefined {
    if (this.#fd === undefined) return undefined;
    if (this.#readAgain(this.#fd)) return `${this.#name} ${this.#bytes.toString('latin1')}`;
    this.close();
    return undefined;
  }

  /** @returns whether the bytes are what it says now. */
  #readAgain(fd: number): boolean {
    try {
      const count = readSync(fd, this.#bytes, 0, this.#bytes.length, 0);
      // A file that was removed says the same for ever.
      return count === this.#bytes.length && fstatSync(fd).nlink > 0;
    } catch {
      return false;
    }
  }

  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }
}

/** @returns undefined when it cannot be opened: the core is asked instead. */
export function openWitness(witness: Witness): VersionWitness | undefined {
  try {
    return new VersionWitness(witness);
  } catch {
    return undefined;
  }
}
