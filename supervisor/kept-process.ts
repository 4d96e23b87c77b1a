import { setTimeout as delay } from 'node:timers/promises';
import { type BackOff, backOffMs } from '../runtime/back-off.ts';
import type { ConfigFault } from '../runtime/config.ts';
import type { Log } from '../runtime/log.ts';
import { type ChildExit, type ChildRun, type ChildSpec, runChild } from './child-run.ts';

export type ProcessState = 'starting' | 'ready' | 'waiting' | 'stopping' | 'stopped';

export interface ProcessStatus {
  name: string;
  pid: number | null;
  /** `waiting`: it died, and is started again after a pause. */
  state: ProcessState;
  restarts: number;
  /** Since it was ready. */
  uptimeSeconds: number;
}

/** A process that could not be started the first time. */
export class StartError extends Error {
  readonly process: string;
  /** Set when it is the configuration that is at fault. */
  readonly faults: readonly ConfigFault[] | undefined;

  constructor(process: string, exit: ChildExit) {
    super(
      `${process} cannot start: ${exit.message ?? `it ended with ${exit.signal ?? `code ${exit.code}`}`}`,
    );
    this.name = 'StartError';
    this.process = process;
    this.faults = exit.faults;
  }
}

/** One of the processes: started once by `start`, and again after each death until `stop`. */
export class KeptProcess {
  readonly name: string;
  readonly #spec: ChildSpec;
  readonly #log: Log;
  readonly #backOff: BackOff;
  readonly #stopping = new AbortController();
  #run: ChildRun | undefined;
  #state: ProcessState = 'stopped';
  #restarts = 0;
  #readyAt: number | undefined;

  constructor(spec: ChildSpec, log: Log, backOff: BackOff) {
    this.name = spec.name;
    this.#spec = spec;
    this.#log = log;
    this.#backOff = backOff;
  }

  /** Resolves when it answers. @throws StartError when it does not come up; then it is not tried again. */
  async start(): Promise<void> {
    const run = this.#begin();
    if (!(await run.ready)) {
      this.#state = 'stopped';
      throw new StartError(this.name, await run.ended);
    }
    void this.#keep(run);
  }

  /** One that is starting reads its settings anyway, and may not listen to signals yet. */
  reload(): void {
    if (this.#state === 'ready') this.#run?.signal('SIGHUP');
  }

  /** From now on it may end by itself: whoever stops a service by its process group signals all at once. */
  endRestarts(): void {
    this.#stopping.abort();
  }

  /** Ends it for good. Does nothing to one that never started. */
  async stop(limitMs: number): Promise<void> {
    this.endRestarts();
    if (!this.#run) return;
    this.#state = 'stopping';
    const byItself = await this.#run.stop(limitMs);
    if (!byItself) this.#log.warn('process did not stop in time and was killed', { process: this.name });
    this.#state = 'stopped';
    this.#run = undefined;
  }

  status(): ProcessStatus {
    const { name } = this;
    const since = this.#state === 'ready' ? (this.#readyAt ?? performance.now()) : performance.now();
    const isRunning = this.#state !== 'stopped' && this.#state !== 'waiting';
    return {
      name,
      pid: (isRunning && this.#run?.pid) || null,
      state: this.#state,
      restarts: this.#restarts,
      uptimeSeconds: Math.round((performance.now() - since) / 1000),
    };
  }

  #begin(): ChildRun {
    this.#state = 'starting';
    this.#readyAt = undefined;
    const run = runChild(this.#spec);
    this.#run = run;
    void run.ready.then((isReady) => {
      if (!isReady || this.#state !== 'starting') return;
      this.#state = 'ready';
      this.#readyAt = performance.now();
    });
    return run;
  }

  async #keep(first: ChildRun): Promise<void> {
    const { signal } = this.#stopping;
    let failures = 0;
    for (let run = first; ; run = this.#begin()) {
      const exit = await run.ended;
      if (signal.aborted) return;
      if (this.#wasHealthy()) failures = 0;
      const pauseMs = backOffMs(failures++, this.#backOff);
      this.#state = 'waiting';
      this.#log.error('process ended and will be started again', {
        process: this.name,
        childPid: run.pid,
        ...exit,
        pauseMs,
      });
      await delay(pauseMs, undefined, { signal }).catch(() => {});
      if (signal.aborted) return;
      this.#restarts++;
    }
  }

  #wasHealthy(): boolean {
    return this.#readyAt !== undefined && performance.now() - this.#readyAt >= this.#backOff.resetAfterMs;
  }
}
