import { close, constants, fstat, open, read } from 'node:fs';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { promisify } from 'node:util';
import { type BlobBuffer, giveBack, mayReadAhead, smallBytes, takeBuffer } from './blob-buffers.ts';

const openFile = promisify(open);
const statFile = promisify(fstat);
const closeFile = promisify(close);

/** Slows what is sent. */
export interface SendPace {
  /** Bytes in one piece, at most. */
  readonly portion: number;
  /** Resolves when so many may go. */
  spend(bytes: number): Promise<void>;
}

/** An open blob file. Its bytes stay readable even when it is unlinked meanwhile. */
export interface BlobFile {
  /** Bytes. */
  readonly size: number;
  /**
   * Writes `length` bytes from `start` on and resolves when the destination took them or was closed. Does not end
   * it. It has to be done with the bytes when it calls back, as sockets are: they are overwritten then.
   * @throws Error when the file has fewer bytes, or the disk's own error.
   */
  send(destination: Writable, start: number, length: number, pace?: SendPace): Promise<void>;
  /**
   * All its bytes.
   * @throws Error when it has become shorter, or the disk's own error.
   */
  read(): Promise<Buffer>;
  close(): Promise<void>;
}

/** @throws Error */
export function demandSize(file: BlobFile, path: string, size: number): void {
  if (file.size !== size) throw new Error(`${path} has ${file.size} bytes, its record says ${size}`);
}

/**
 * Opens a file under `root`, never through a symbolic link.
 * @param path absolute within the root, already checked by the caller.
 * @throws ENOENT when it is gone, ELOOP for a link, Error for what is no regular file.
 */
export async function openBlobFile(root: string, path: string): Promise<BlobFile> {
  const descriptor = await openFile(join(root, path), constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    const stats = await statFile(descriptor);
    if (!stats.isFile()) throw new Error(`${path} is no regular file`);
    return {
      size: stats.size,
      send: (destination, start, length, pace) => sendPart(descriptor, destination, { start, length, pace }),
      read: () => readAll(descriptor, stats.size),
      close: () => closeFile(descriptor),
    };
  } catch (error) {
    await closeFile(descriptor);
    throw error;
  }
}

async function sendPart(
  descriptor: number,
  destination: Writable,
  { start, length, pace }: { start: number; length: number; pace: SendPace | undefined },
): Promise<void> {
  let stopWaiting = () => {};
  const onClose = () => stopWaiting();
  const write = (bytes: Buffer) =>
    new Promise<boolean>((resolve) => {
      stopWaiting = () => resolve(false);
      destination.write(bytes, (error) => resolve(!error));
    });
  destination.once('close', onClose);
  const pieces = new Pieces(descriptor, start, start + length, pace);
  let isFree = true;
  try {
    for (let sent = 0; sent < length; ) {
      const bytes = await pieces.next();
      if (pace) await pace.spend(bytes.length);
      if (destination.destroyed) return;
      // Whoever was closed in the middle of a write may still hold the buffer: it goes to no other transfer.
      isFree = await write(bytes);
      if (!isFree) return;
      sent += bytes.length;
    }
  } finally {
    destination.off('close', onClose);
    await pieces.close(isFree);
  }
}

interface Reading {
  buffer: BlobBuffer;
  count: Promise<number>;
}

/**
 * A part of a file, piece by piece: see `blob-buffers.ts`. One buffer per transfer, filled again when it has gone out; of
 * a few large transfers at a time a second one, which is filled meanwhile.
 */
class Pieces {
  readonly #descriptor: number;
  readonly #start: number;
  readonly #end: number;
  readonly #pace: SendPace | undefined;
  #position: number;
  /** What `next` handed out. */
  #current: BlobBuffer | undefined;
  /** What has gone out, and is not needed at the moment. */
  #spare: BlobBuffer | undefined;
  #ahead: Reading | undefined;

  constructor(descriptor: number, start: number, end: number, pace: SendPace | undefined) {
    this.#descriptor = descriptor;
    this.#start = start;
    this.#position = start;
    this.#end = end;
    this.#pace = pace;
  }

  /** The next piece. The one before has to have gone out. */
  async next(): Promise<Buffer> {
    if (this.#ahead) this.#spare = this.#current;
    const reading = this.#ahead ?? this.#read(this.#current);
    this.#ahead = undefined;
    this.#current = reading.buffer;
    const count = await reading.count;
    if (count === 0) throw new Error('the file ends before the part that was announced');
    this.#position += count;
    if (this.#mayReadAhead()) this.#ahead = this.#read(this.#spare);
    else if (this.#spare) giveBack(this.#spare, true);
    this.#spare = undefined;
    return reading.buffer.bytes.subarray(0, count);
  }

  /** @param isFree false: somebody may still read from the last piece. */
  async close(isFree: boolean): Promise<void> {
    if (this.#current) giveBack(this.#current, isFree);
    if (this.#spare) giveBack(this.#spare, true);
    // The descriptor is closed next, and may be another file's while the read is under way.
    if (this.#ahead) await this.#ahead.count.catch(() => undefined);
    if (this.#ahead) giveBack(this.#ahead.buffer, true);
  }

  #read(kept: BlobBuffer | undefined): Reading {
    const buffer = takeBuffer(this.#position - this.#start, kept);
    const { bytes } = buffer;
    const most = Math.min(bytes.length, this.#pace?.portion ?? bytes.length, this.#end - this.#position);
    const count = readSome(this.#descriptor, bytes, most, this.#position);
    // Whoever waits for it hears of its failure.
    count.catch(() => undefined);
    return { buffer, count };
  }

  #mayReadAhead(): boolean {
    const isProven = this.#current!.bytes.length > smallBytes;
    return !this.#pace && isProven && this.#position < this.#end && mayReadAhead();
  }
}

async function readAll(descriptor: number, size: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafeSlow(size);
  for (let position = 0; position < size; ) {
    const count = await readSome(descriptor, bytes.subarray(position), size - position, position);
    if (count === 0) throw new Error('the file ends before the size that it had');
    position += count;
  }
  return bytes;
}

function readSome(descriptor: number, buffer: Buffer, length: number, position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    read(descriptor, buffer, 0, length, position, (error, count) => (error ? reject(error) : resolve(count)));
  });
}
