import { readFileSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';

/** Milliseconds after which a further change must have another time: several ticks of the kernel's clock. */
export const restMs = 25;
/** The same on file systems whose times are whole seconds. */
const coarseRestMs = 2000;

/** A file as its metadata have it. */
export interface FileLook {
  /** Another value after each change, once the file is at rest. */
  mark: string;
  changedAtMs: number;
  restMs: number;
  /** Why it is not even read. */
  fault?: Error;
}

/** Takes some µs. The status change time is what no copying tool can set back. */
export function lookAt(path: string, maxBytes: number): FileLook {
  try {
    const found = statSync(path, { bigint: true });
    const { dev, ino, size, mtimeNs, ctimeNs } = found;
    const isCoarse = ctimeNs % 1_000_000_000n === 0n;
    const fault = !found.isFile()
      ? new Error('it is no ordinary file')
      : size > maxBytes
        ? new Error(`it is larger than ${maxBytes} bytes`)
        : undefined;
    return {
      mark: `${dev} ${ino} ${size} ${mtimeNs} ${ctimeNs}`,
      changedAtMs: Number(ctimeNs / 1_000_000n),
      restMs: isCoarse ? coarseRestMs : restMs,
      ...(fault && { fault }),
    };
  } catch (error) {
    return {
      mark: `${(error as NodeJS.ErrnoException).code}`,
      changedAtMs: 0,
      restMs,
      fault: asFault(error),
    };
  }
}

function asFault(error: unknown): Error {
  return new Error(`it cannot be read: ${(error as Error).message}`);
}

/** Whether it was left alone for so long that its times tell of any later change. */
export function isAtRest({ changedAtMs, restMs: rest }: FileLook): boolean {
  return Date.now() - changedAtMs >= rest;
}

export function readContentNow(path: string): Buffer | Error {
  try {
    return readFileSync(path);
  } catch (error) {
    return asFault(error);
  }
}

export async function readContent(path: string): Promise<Buffer | Error> {
  try {
    return await readFile(path);
  } catch (error) {
    return asFault(error);
  }
}
