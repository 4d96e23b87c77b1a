import { parentPort, workerData } from 'node:worker_threads';
import { type Batch, entrySeparator } from './batch.ts';
import { Blocks } from './blocks.ts';
import { LinesFile } from './json-lines.ts';

/** The one writer of audit.db, in a thread: neither a checkpoint nor a slow disk is to hold up a request. */
export interface WriterData {
  path: string;
  /** '': none. */
  linesPath: string;
  retentionMs: number;
  /** 0: any size. */
  maxBytes: number;
}

export type WriterRequest = { id: number } & (
  | { kind: 'open' }
  | { kind: 'write'; batch: Batch }
  | { kind: 'reopen-lines' }
  | { kind: 'close' }
);

/** `linesError`: the entries are in audit.db, but not in the file. */
export interface WriterAnswer {
  id: number;
  error?: { message: string; code: string | undefined };
  linesError?: string;
}

const trimEveryMs = 10 * 60_000;

const port = parentPort;
if (port) {
  const { path, linesPath, retentionMs, maxBytes } = workerData as WriterData;
  const lines = linesPath === '' ? undefined : new LinesFile(linesPath);
  let blocks: Blocks | undefined;
  // Opened again at the next write when that failed: a full disk gets room some day.
  const open = () => {
    blocks ??= new Blocks(path);
    return blocks;
  };

  const trim = () => {
    try {
      if (open().trim(Date.now() - retentionMs, maxBytes)) setImmediate(trim);
    } catch {
      // Tried again in ten minutes; writes meet the same trouble, and they are answered for.
    }
  };
  const timer = setInterval(trim, trimEveryMs);

  const handlers = {
    open() {
      open();
      setImmediate(trim);
    },
    write(batch: Batch): string | undefined {
      open().append(batch);
      return batch.count > 0 ? writeLines(lines, batch) : undefined;
    },
    close() {
      clearInterval(timer);
      blocks?.close();
      port.close();
    },
  };

  port.on('message', (request: WriterRequest) => {
    const answer: WriterAnswer = { id: request.id };
    try {
      if (request.kind === 'write') {
        const linesError = handlers.write(request.batch);
        if (linesError !== undefined) answer.linesError = linesError;
      } else if (request.kind === 'reopen-lines') lines?.reopen();
      else if (request.kind === 'open') handlers.open();
    } catch (error) {
      answer.error = { message: (error as Error).message, code: (error as NodeJS.ErrnoException).code };
    }
    port.postMessage(answer);
    if (request.kind === 'close') handlers.close();
  });
}

function writeLines(lines: LinesFile | undefined, { entries }: Batch): string | undefined {
  try {
    lines?.append(`${entries.replaceAll(entrySeparator, '\n')}\n`);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}
