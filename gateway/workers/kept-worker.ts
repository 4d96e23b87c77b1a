import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { type BackOff, backOffMs } from '../../runtime/back-off.ts';
import type { Log } from '../../runtime/log.ts';
import type { ChildMessage } from '../../runtime/main.ts';
import type { WorkerHub } from './hub.ts';

/** How much longer than `shutdown.drain` a worker may take to stop before it is killed. */
const killAfterMs = 2500;

/** One of the workers: started once by `start`, and again after each death until `stop`. */
export class KeptWorker {
  readonly #fork: () => ChildProcess;
  readonly #hub: WorkerHub;
  readonly #log: Log;
  readonly #backOff: BackOff;
  readonly #stopping = new AbortController();
  #worker: ChildProcess | undefined;
  #readyAt: number | undefined;

  constructor(fork: () => ChildProcess, hub: WorkerHub, log: Log, backOff: BackOff) {
    this.#fork = fork;
    this.#hub = hub;
    this.#log = log;
    this.#backOff = backOff;
  }

  /** Resolves when it answers. @throws Error when it does not come up; then it is not tried again. */
  async start(): Promise<void> {
    const { worker, ready, exit } = this.#begin();
    const failure = await ready;
    if (failure !== undefined) throw new Error(failure);
    void this.#keep(worker, exit);
  }

  reload(): void {
    if (this.#readyAt !== undefined) this.#worker?.kill('SIGHUP');
  }

  /** Ends it for good: SIGTERM, and SIGKILL when it takes too long. */
  async stop(drainMs: number): Promise<void> {
    this.#stopping.abort();
    const child = this.#worker;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    const limit = setTimeout(() => child.kill('SIGKILL'), drainMs + killAfterMs);
    child.kill('SIGTERM');
    await gone;
    clearTimeout(limit);
  }

  #begin() {
    this.#readyAt = undefined;
    const worker = this.#fork();
    this.#worker = worker;
    this.#hub.attach(worker);
    const { promise: ready, resolve } = Promise.withResolvers<string | undefined>();
    worker.on('message', (message: Partial<ChildMessage>) => {
      if (message.type === 'failed') resolve(message.message);
      if (message.type !== 'ready') return;
      this.#readyAt = performance.now();
      resolve(undefined);
    });
    const exit = new Promise<string>((done) => {
      worker.once('exit', (code, signal) => done(signal ?? `code ${code}`));
      worker.on('error', (error) => {
        // One that could not be spawned has no exit. A message to one that is just dying fails too; its exit tells.
        if (worker.pid === undefined) done(error.message);
        else this.#log.debug('worker channel', { error });
      });
    });
    void exit.then((how) => resolve(`a worker ended with ${how}`));
    return { worker, ready, exit };
  }

  async #keep(first: ChildProcess, firstExit: Promise<string>): Promise<void> {
    const { signal } = this.#stopping;
    let failures = 0;
    for (let worker = first, exit = firstExit; ; { worker, exit } = this.#begin()) {
      const how = await exit;
      if (signal.aborted) return;
      if (this.#wasHealthy()) failures = 0;
      const pauseMs = backOffMs(failures++, this.#backOff);
      this.#log.error('worker ended and will be started again', {
        workerPid: worker.pid,
        how,
        pauseMs,
      });
      await delay(pauseMs, undefined, { signal }).catch(() => {});
      if (signal.aborted) return;
    }
  }

  #wasHealthy(): boolean {
    return this.#readyAt !== undefined && performance.now() - this.#readyAt >= this.#backOff.resetAfterMs;
  }
}
