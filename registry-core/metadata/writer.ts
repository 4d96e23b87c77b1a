import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { OciError } from '../../oci/errors.ts';
import type { WriteAnswer, WriteError, WriteRequest, WriterData } from './writer-thread.ts';
import type { Writes } from './writes.ts';

/** Asynchronous calls to the writer thread; each resolves when its transaction is durable. */
export interface Writer {
  call<Method extends keyof Writes>(
    method: Method,
    ...parameters: Parameters<Writes[Method]>
  ): Promise<ReturnType<Writes[Method]>>;
  close(): Promise<void>;
}

interface Waiting {
  resolve(result: never): void;
  reject(error: Error): void;
}

/** @param onDeath called when the thread dies by itself: the process cannot go on without it. */
export function startWriter(data: WriterData, onDeath: (error: Error) => void): Writer {
  const worker = new Worker(new URL(`./writer-thread${extname(import.meta.url)}`, import.meta.url), {
    workerData: data,
  });
  const waiting = new Map<number, Waiting>();
  let lastId = 0;
  let closing = false;
  worker.on('message', (answer: WriteAnswer) => {
    const call = waiting.get(answer.id)!;
    waiting.delete(answer.id);
    if ('error' in answer) call.reject(revive(answer.error));
    else call.resolve(answer.result as never);
  });
  const end = (error: Error) => {
    for (const call of waiting.values()) call.reject(error);
    waiting.clear();
    if (!closing) onDeath(error);
  };
  worker.on('error', (error) => end(error as Error));
  worker.on('exit', () => end(new Error('the writer thread ended')));
  return {
    call: (method, ...parameters) =>
      new Promise((resolve, reject) => {
        const request: WriteRequest = { id: ++lastId, method, parameters };
        waiting.set(request.id, { resolve, reject });
        worker.postMessage(request);
      }),
    close: () =>
      new Promise((resolve) => {
        closing = true;
        worker.once('exit', () => resolve());
        worker.postMessage('close');
      }),
  };
}

function revive({ oci, message, code, stack }: WriteError): Error {
  if (oci) return new OciError(oci.code, { ...oci, message });
  return Object.assign(new Error(message), { code, stack });
}
