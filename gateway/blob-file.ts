import { close, constants, fstat, open, read } from 'node:fs';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { promisify } from 'node:util';
import { giveBack, takeBuffer } from './blob-buffers.ts';

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

/** One buffer per transfer, filled again when it has gone out: see `blob-buffers.ts`. */
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
  let buffer = takeBuffer(0);
  let isFree = true;
  try {
    const end = start + length;
    for (let position = start; position < end; ) {
      buffer = takeBuffer(position - start, buffer);
      const { bytes } = buffer;
      const most = Math.min(bytes.length, pace?.portion ?? bytes.length, end - position);
      const count = await readSome(descriptor, bytes, most, position);
      if (count === 0) throw new Error('the file ends before the part that was announced');
      if (pace) await pace.spend(count);
      if (destination.destroyed) return;
      // Whoever was closed in the middle of a write may still hold the buffer: it goes to no other transfer.
      isFree = await write(bytes.subarray(0, count));
      if (!isFree) return;
      position += count;
    }
  } finally {
    destination.off('close', onClose);
    giveBack(buffer, isFree);
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
