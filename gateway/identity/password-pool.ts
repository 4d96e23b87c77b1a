import { availableParallelism } from 'node:os';
import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { OciError } from '../../oci/errors.ts';
import type { PasswordResult, PasswordTask } from './password-worker.ts';

// The same extension as this file, which a published package has compiled to .js.
const workerUrl = new URL(`./password-worker${extname(import.meta.url)}`, import.meta.url);
const retryAfterSeconds = 5;

export interface PasswordPoolOptions {
  /** Threads; default: those of a process that has the machine for itself. */
  threads?: number;
  /** Tasks that may wait for a thread. */
  maxWaiting?: number;
}

interface Job extends PromiseWithResolvers<boolean | string> {
  task: PasswordTask;
}

/** A core less than there are, at most 4, shared by so many worker processes: all of them may be asked at once. */
export function passwordThreads(workers: number, cores = availableParallelism()): number {
  return Math.max(1, Math.floor(Math.min(4, cores - 1) / workers));
}

/** bcrypt in worker threads, behind a queue with an end. Threads start when they are first needed. */
export class PasswordPool {
  readonly #threads: number;
  readonly #maxWaiting: number;
  readonly #idle: Worker[] = [];
  readonly #busy = new Map<Worker, Job>();
  readonly #waiting: Job[] = [];
  #closed = false;

  constructor(options: PasswordPoolOptions = {}) {
    this.#threads = options.threads ?? passwordThreads(1);
    this.#maxWaiting = options.maxWaiting ?? 64;
  }

  /**
   * @param hash `$2a$`, `$2b$` or `$2y$`.
   * @param failing to which cost a failed comparison is padded, and whether it fails in any case.
   * @throws OciError UNAVAILABLE when the queue is full.
   */
  async compare(
    password: string,
    hash: string,
    failing: { padToCost: number; isRefused: boolean } = { padToCost: 0, isRefused: false },
  ): Promise<boolean> {
    return (await this.#submit({ kind: 'compare', password, hash, ...failing })) as boolean;
  }

  /** @param cost log2 of the rounds. @throws OciError UNAVAILABLE when the queue is full. */
  async hash(password: string, cost: number): Promise<string> {
    return (await this.#submit({ kind: 'hash', password, cost })) as string;
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const job of [...this.#waiting.splice(0), ...this.#busy.values()]) job.reject(unavailable());
    const workers = [...this.#idle.splice(0), ...this.#busy.keys()];
    await Promise.all(workers.map((worker) => worker.terminate()));
  }

  async #submit(task: PasswordTask): Promise<boolean | string> {
    const mustWait = this.#idle.length === 0 && this.#busy.size >= this.#threads;
    if (this.#closed || (mustWait && this.#waiting.length >= this.#maxWaiting)) throw unavailable();
    const job: Job = { task, ...Promise.withResolvers<boolean | string>() };
    this.#waiting.push(job);
    this.#dispatch();
    return job.promise;
  }

  #dispatch(): void {
    while (this.#waiting.length > 0 && !this.#closed) {
      const worker = this.#idle.pop() ?? (this.#busy.size < this.#threads ? this.#start() : undefined);
      if (!worker) return;
      const job = this.#waiting.shift()!;
      this.#busy.set(worker, job);
      // A thread keeps the process alive as long as somebody waits for it.
      worker.ref();
      worker.postMessage(job.task);
    }
  }

  #start(): Worker {
    // Flags of the process (`--input-type`, `--watch`) are not for its threads, and some would stop them.
    const worker = new Worker(workerUrl, { name: 'passwords', execArgv: [] });
    worker.on('message', (result: PasswordResult) => {
      const job = this.#busy.get(worker);
      this.#busy.delete(worker);
      this.#idle.push(worker);
      worker.unref();
      if ('error' in result) job?.reject(new Error(`bcrypt: ${result.error}`));
      else job?.resolve(result.value);
      this.#dispatch();
    });
    // A thread that died is replaced when the next task needs one.
    const lost = (error: Error) => {
      this.#busy.get(worker)?.reject(error);
      this.#busy.delete(worker);
      const index = this.#idle.indexOf(worker);
      if (index >= 0) this.#idle.splice(index, 1);
      this.#dispatch();
    };
    worker.on('error', lost);
    worker.on('exit', (code) => lost(new Error(`the password thread ended with ${code}`)));
    return worker;
  }
}

function unavailable(): OciError {
  return new OciError('UNAVAILABLE', {
    message: 'too many logins at once; try again in a few seconds',
    headers: { 'Retry-After': String(retryAfterSeconds) },
  });
}
