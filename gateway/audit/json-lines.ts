import { closeSync, openSync, writeSync } from 'node:fs';

/** A file that lines are added to, for whoever ships them elsewhere. */
export class LinesFile {
  readonly #path: string;
  #descriptor: number | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  /** @throws Error of the file system; the lines are not written then, or not all. */
  append(text: string): void {
    this.#descriptor ??= openSync(this.#path, 'a', 0o600);
    const bytes = Buffer.from(text);
    for (let at = 0; at < bytes.length; ) at += writeSync(this.#descriptor, bytes, at);
  }

  /** The next line goes to what has the name then: the old file may have been renamed. */
  reopen(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }
}
