import { close, constants, fstat, open } from 'node:fs';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { promisify } from 'node:util';
import { type OpenFile, Pieces, readFull } from './pieces.ts';

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
    // As a number it would be rounded: two files of some file systems would be the same.
    const stats = await statFile(descriptor, { bigint: true });
    if (!stats.isFile()) throw new Error(`${path} is no regular file`);
    const size = Number(stats.size);
    const file = { descriptor, id: `${stats.dev} ${stats.ino}`, size };
    return {
      size,
      send: (destination, start, length, pace) => sendPart(file, destination, { start, length, pace }),
      read: () => readAll(descriptor, size),
      close: () => closeFile(descriptor),
    };
  } catch (error) {
    await closeFile(descriptor);
    throw error;
  }
}

async function sendPart(
  file: OpenFile,
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
  const pieces = new Pieces(file, { start, end: start + length, portion: pace?.portion });
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

async function readAll(descriptor: number, size: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafeSlow(size);
  if ((await readFull(descriptor, bytes, 0)) < size) {
    throw new Error('the file ends before the size that it had');
  }
  return bytes;
}
