import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Batch } from './batch.ts';
import type { WriterAnswer, WriterData, WriterRequest } from './writer-thread.ts';

/** Calls to the writer thread. */
export interface AuditWriter {
  /** @throws Error with the code of SQLite, when audit.db cannot be opened. */
  open(): Promise<void>;
  /** Resolves when the batch is committed. @throws Error when it is not. */
  write(batch: Batch): Promise<void>;
  reopenLines(): Promise<void>;
  /** After what was asked before. */
  close(): Promise<void>;
}

type Message = WriterRequest extends infer Request
  ? Request extends WriterRequest
    ? Omit<Request, 'id'>
    : never
  : never;

/** @param onLinesError called when entries are in audit.db, but not in the file of lines. */
export function startWriter(data: WriterData, onLinesError: (message: string) => void): AuditWriter {
  const waiting = new Map<number, PromiseWithResolvers<void>>();
  let lastId = 0;
  let thread: Worker | undefined;

  function start(): Worker {
    // The same extension as this file, which a published package has compiled to .js.
    const url = new URL(`./writer-thread${extname(import.meta.url)}`, import.meta.url);
    const worker = new Worker(url, { workerData: data });
    worker.on('message', ({ id, error, linesError }: WriterAnswer) => {
      const call = waiting.get(id);
      waiting.delete(id);
      if (linesError !== undefined) onLinesError(linesError);
      if (error) call?.reject(Object.assign(new Error(error.message), { code: error.code }));
      else call?.resolve();
    });
    // Of a thread that died nothing is left to answer; the next call starts another one.
    const end = (error: Error) => {
      if (thread === worker) thread = undefined;
      for (const call of waiting.values()) call.reject(error);
      waiting.clear();
    };
    worker.on('error', (error) => end(error as Error));
    worker.on('exit', () => end(new Error('the writer thread of the audit trail ended')));
    return worker;
  }

  function call(message: Message): Promise<void> {
    thread ??= start();
    const settle = Promise.withResolvers<void>();
    const id = ++lastId;
    waiting.set(id, settle);
    thread.postMessage({ ...message, id });
    return settle.promise;
  }

  return {
    open: () => call({ kind: 'open' }),
    write: (batch) => call({ kind: 'write', batch }),
    reopenLines: () => call({ kind: 'reopen-lines' }),
    close: () => call({ kind: 'close' }),
  };
}
