import { read } from 'node:fs';
import {
  type BlobBuffer,
  giveBack,
  isProven,
  largeBytes,
  largestBytes,
  mayReadAhead,
  smallBytes,
  takeBuffer,
} from './buffers.ts';
import { pieceBytes, SharedFile, type Window } from './windows.ts';

export interface OpenFile {
  descriptor: number;
  /** The same for the same file, as long as somebody has it open. */
  id: string;
  /** Bytes. */
  size: number;
}

export interface Part {
  /** In the file. */
  start: number;
  end: number;
  /** Bytes in one piece, at most; of whoever is slowed. */
  portion: number | undefined;
}

interface Reading {
  buffer: BlobBuffer;
  count: Promise<number>;
}

/**
 * A part of a file, piece by piece. From windows where others send the same (`windows.ts`), else from a buffer of
 * one's own (`buffers.ts`), filled again when it has gone out; of a few large transfers at a time a second one, which
 * is filled meanwhile.
 */
export class Pieces {
  readonly #descriptor: number;
  readonly #start: number;
  readonly #end: number;
  readonly #portion: number | undefined;
  readonly #shared: SharedFile | undefined;
  #position: number;
  /** What `next` handed out, or handed out before. */
  #current: BlobBuffer | undefined;
  /** What has gone out, and is not needed at the moment. */
  #spare: BlobBuffer | undefined;
  #ahead: Reading | undefined;
  #window: Window | undefined;
  readonly #loading = new Set<Promise<number>>();

  constructor({ descriptor, id, size }: OpenFile, { start, end, portion }: Part) {
    this.#descriptor = descriptor;
    this.#start = start;
    this.#position = start;
    this.#end = end;
    this.#portion = portion;
    if (portion === undefined && end - start > largeBytes) this.#shared = SharedFile.join(id, size);
  }

  /** The next piece. The one before has to have gone out. */
  async next(): Promise<Buffer> {
    // What was read ahead comes first, whoever has joined meanwhile.
    const shared = this.#ahead ? undefined : this.#shared;
    const bytes = (shared && (await this.#fromWindow(shared))) ?? (await this.#fromOwn());
    if (bytes.length === 0) throw new Error('the file ends before the part that was announced');
    return bytes;
  }

  /** @param isFree false: somebody may still read from the last piece. */
  async close(isFree: boolean): Promise<void> {
    if (this.#window) this.#shared?.giveBack(this.#window, isFree);
    this.#shared?.leave();
    if (this.#current) giveBack(this.#current, isFree);
    if (this.#spare) giveBack(this.#spare, true);
    // The descriptor is closed next, and may be another file's while a read is under way.
    await Promise.allSettled(this.#loading);
    if (this.#ahead) await this.#ahead.count.catch(() => undefined);
    if (this.#ahead) giveBack(this.#ahead.buffer, true);
  }

  get #sent(): number {
    return this.#position - this.#start;
  }

  async #fromWindow(shared: SharedFile): Promise<Buffer | undefined> {
    const mayStay = isProven(this.#sent);
    if (this.#window && this.#position >= this.#window.start + largeBytes) this.#leaveWindow(shared);
    this.#window ??= shared.take(this.#position, mayStay, this.#load);
    if (!this.#window) return undefined;
    const bytes = await this.#window.bytes;
    const from = this.#position - this.#window.start;
    const most = bytes.subarray(from, this.#end - this.#window.start);
    return mayStay ? this.#pieceOf(most) : this.#copyOf(most, shared);
  }

  /** Without a copy: whoever stops reading holds the window, as it would a buffer of that size. */
  #pieceOf(most: Buffer): Buffer {
    if (this.#current) giveBack(this.#current, true);
    this.#current = undefined;
    const piece = most.subarray(0, pieceBytes());
    this.#position += piece.length;
    return piece;
  }

  /** Whoever may have stopped reading holds a small buffer, and no window. */
  #copyOf(most: Buffer, shared: SharedFile): Buffer {
    this.#current = takeBuffer(this.#sent, this.#current);
    const count = most.copy(this.#current.bytes);
    this.#leaveWindow(shared);
    this.#position += count;
    return this.#current.bytes.subarray(0, count);
  }

  #leaveWindow(shared: SharedFile): void {
    shared.giveBack(this.#window!, true);
    this.#window = undefined;
  }

  readonly #load = (bytes: Buffer, position: number): Promise<number> => {
    const loading = readFull(this.#descriptor, bytes, position);
    const done = () => this.#loading.delete(loading);
    this.#loading.add(loading);
    loading.then(done, done);
    return loading;
  };

  async #fromOwn(): Promise<Buffer> {
    if (this.#ahead) this.#spare = this.#current;
    const reading = this.#ahead ?? this.#read(this.#current);
    this.#ahead = undefined;
    this.#current = reading.buffer;
    const count = await reading.count;
    this.#position += count;
    if (count > 0 && this.#mayReadAhead()) this.#ahead = this.#read(this.#spare);
    else if (this.#spare) giveBack(this.#spare, true);
    this.#spare = undefined;
    return reading.buffer.bytes.subarray(0, count);
  }

  #read(kept: BlobBuffer | undefined): Reading {
    const buffer = takeBuffer(this.#sent, kept, largestBytes);
    const { bytes } = buffer;
    const most = Math.min(bytes.length, this.#portion ?? bytes.length, this.#end - this.#position);
    const count = readSome(this.#descriptor, bytes, most, this.#position);
    // Whoever waits for it hears of its failure.
    count.catch(() => undefined);
    return { buffer, count };
  }

  #mayReadAhead(): boolean {
    if (this.#portion !== undefined || this.#shared?.isShared) return false;
    return this.#current!.bytes.length > smallBytes && this.#position < this.#end && mayReadAhead();
  }
}

/** Fills the buffer, as far as the file goes. @returns how many bytes there were. */
export async function readFull(descriptor: number, bytes: Buffer, position: number): Promise<number> {
  for (let filled = 0; ; ) {
    const count = await readSome(
      descriptor,
      bytes.subarray(filled),
      bytes.length - filled,
      position + filled,
    );
    filled += count;
    if (count === 0 || filled === bytes.length) return filled;
  }
}

function readSome(descriptor: number, buffer: Buffer, length: number, position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    read(descriptor, buffer, 0, length, position, (error, count) => (error ? reject(error) : resolve(count)));
  });
}
