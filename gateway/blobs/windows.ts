import { type BlobBuffer, equalPart, giveBack, largeBytes, offer, takeLarge, withdraw } from './buffers.ts';

/**
 * What several transfers of one file send at about the same time is read once: into windows, from which all of them send.
 * For a hundred nodes that pull the same image at once the file is read as for one, and whoever is behind finds read what
 * the first has waited for, so that they stay together.
 *
 * Windows take their memory from the large buffers (`buffers.ts`), and offer it to everybody while nobody holds them.
 * Whoever gets none reads for itself.
 */
export interface Window {
  /** In the file. */
  readonly start: number;
  /** What was read; shorter at the end of the file. @throws the disk's own error. */
  readonly bytes: Promise<Buffer>;
}

/** Fills the buffer from there on. @returns how many bytes there were. */
export type Load = (bytes: Buffer, position: number) => Promise<number>;

interface Held extends Window {
  readonly buffer: BlobBuffer;
  users: number;
  /** Somebody may still read from it: it goes to nobody else afterwards. */
  isTainted: boolean;
  /** Out of its file's windows: it is given back by its last user. */
  isDropped: boolean;
}

/** With more of them in use those who send are at different places, and what is read ahead would be lost before its time. */
const maxHeldAhead = 8;
/** What TLS makes of the pieces that are on their way from windows. */
const piecesBytes = 8 * 1024 * 1024;

const files = new Map<string, SharedFile>();
let sharingReaders = 0;
let windowsHeld = 0;

/** A file that is being sent, to one or to many. */
export class SharedFile {
  readonly #id: string;
  readonly #size: number;
  readonly #windows = new Map<number, Held>();
  #readers = 0;

  private constructor(id: string, size: number) {
    this.#id = id;
    this.#size = size;
  }

  /**
   * @param id the same for the same file, as long as somebody has it open.
   * @param size bytes.
   */
  static join(id: string, size: number): SharedFile {
    const file = files.get(id) ?? new SharedFile(id, size);
    files.set(id, file);
    file.#count(1);
    return file;
  }

  get isShared(): boolean {
    return this.#readers > 1;
  }

  leave(): void {
    this.#count(-1);
    if (!this.isShared) for (const window of this.#windows.values()) this.#drop(window);
    if (this.#readers === 0) files.delete(this.#id);
  }

  /**
   * The window around a position, held until it is given back.
   * @param isProven whether the caller stays in it until it has sent all of it: then it may take the memory of another that
   *   nobody holds. Others would read the same again and again, each time for the few bytes that they take.
   * @returns undefined: not here, to be read for oneself.
   */
  take(position: number, isProven: boolean, load: Load): Window | undefined {
    if (!this.isShared) return undefined;
    const index = Math.floor(position / largeBytes);
    const window = this.#windows.get(index) ?? this.#load(index, isProven, load);
    if (!window) return undefined;
    hold(window);
    const next = index + 1;
    if (next * largeBytes < this.#size && !this.#windows.has(next)) {
      this.#load(next, isProven && windowsHeld <= maxHeldAhead, load);
    }
    return window;
  }

  /** @param isFree false: somebody may still read from it. */
  giveBack(window: Window, isFree: boolean): void {
    const held = window as Held;
    if (!isFree) held.isTainted = true;
    if (--held.users > 0) return;
    windowsHeld--;
    if (held.isDropped) giveBack(held.buffer, !held.isTainted);
    else offer(held.buffer, () => this.#forget(held));
  }

  #load(index: number, mayTakeBack: boolean, load: Load): Held | undefined {
    const buffer = takeLarge(mayTakeBack);
    if (!buffer) return undefined;
    const start = index * largeBytes;
    const bytes = load(buffer.bytes, start).then((count) => buffer.bytes.subarray(0, count));
    const window: Held = { start, bytes, buffer, users: 0, isTainted: false, isDropped: false };
    hold(window);
    this.#windows.set(index, window);
    bytes.catch(() => this.#drop(window)).finally(() => this.giveBack(window, true));
    return window;
  }

  #drop(window: Held): void {
    if (window.isDropped) return;
    this.#forget(window);
    if (window.users > 0) return;
    withdraw(window.buffer);
    giveBack(window.buffer, !window.isTainted);
  }

  /** Nobody else gets to hold it. @returns whether nobody may still read from it. */
  #forget(window: Held): boolean {
    const index = window.start / largeBytes;
    window.isDropped = true;
    // It may have been read anew since this one was dropped.
    if (this.#windows.get(index) === window) this.#windows.delete(index);
    return !window.isTainted;
  }

  #count(change: number): void {
    const sharing = (readers: number) => (readers > 1 ? readers : 0);
    const before = this.#readers;
    this.#readers += change;
    sharingReaders += sharing(this.#readers) - sharing(before);
  }
}

/** Bytes to send at once, of each who sends from windows. */
export function pieceBytes(): number {
  return equalPart(piecesBytes, sharingReaders, largeBytes);
}

function hold(window: Held): void {
  if (window.users++ > 0) return;
  windowsHeld++;
  withdraw(window.buffer);
}
