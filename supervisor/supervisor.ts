import { type BackOff, defaultBackOff } from '../runtime/back-off.ts';
import type { Config } from '../runtime/config-schema.ts';
import { type ControlServer, serveControl } from '../runtime/control.ts';
import type { Log } from '../runtime/log.ts';
import { supervisorPaths } from './data-directory.ts';
import { defaultRoot, entryPath, processNames } from './entries.ts';
import { KeptProcess, type ProcessStatus } from './kept-process.ts';

export interface SupervisorOptions {
  config: Config;
  log: Log;
  /** Command line of each process. */
  flags: readonly string[];
  /** What the processes inherit, but for the secrets. */
  environment: NodeJS.ProcessEnv;
  /** The folder with the three rooms; tests have mains of their own. */
  root?: string;
  backOff?: BackOff;
  /** How much longer than `shutdown.drain` a process may take to stop before it is killed. */
  killAfterMs?: number;
}

export interface SupervisorStatus {
  pid: number;
  uptimeSeconds: number;
  processes: ProcessStatus[];
}

/** Needed once, here; a process that is taken over must not find them in its environment. */
export const secretVariables = ['GATEHOUSE_ADMIN_PASSWORD', 'GATEHOUSE_ADMIN_PASSWORD_FILE'];

/**
 * Starts the three processes in order, starts a dead one again, and stops them in reverse:
 *
 *     start:  core ─ready─▶ gateway ─ready─▶ gc ─ready─▶ up
 *     stop:   gc ─exit─▶ gateway ─exit─▶ core ─exit─▶ down
 *
 * The gateway stops before the core, so that requests under way still find it.
 */
export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #processes: KeptProcess[];
  readonly #startedAt = performance.now();
  readonly #stopped = Promise.withResolvers<void>();
  #control: ControlServer | undefined;
  #starting: Promise<unknown> = Promise.resolve();
  #stopReason: string | undefined;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    const { flags, root = defaultRoot, log, backOff = defaultBackOff } = options;
    const environment = { ...options.environment };
    for (const name of secretVariables) delete environment[name];
    this.#processes = processNames.map((name) => {
      const spec = { name, entry: entryPath(name, root), arguments: flags, environment };
      return new KeptProcess(spec, log, backOff);
    });
  }

  /** Resolves when everything has stopped, for whatever reason. */
  get stopped(): Promise<void> {
    return this.#stopped.promise;
  }

  /**
   * Resolves when all three answer.
   * @returns false when `stop` came first.
   * @throws StartError of the first one that does not come up, after the others were stopped.
   */
  async start(): Promise<boolean> {
    const starting = this.#startAll();
    this.#starting = starting.catch(() => {});
    try {
      await starting;
    } catch (error) {
      // A process that was told to stop while it started has not failed.
      const isStopping = this.#stopReason !== undefined;
      await this.stop('start failed');
      if (!isStopping) throw error;
    }
    return this.#stopReason === undefined;
  }

  /** Stops all, last started first. A second call waits for the first one. */
  async stop(reason: string): Promise<void> {
    if (this.#stopReason === undefined) {
      this.#stopReason = reason;
      this.#options.log.info('stopping', { reason });
      void this.#stopAll().then(this.#stopped.resolve, this.#stopped.reject);
    }
    await this.stopped;
  }

  /** SIGHUP for all: they read again what can change without a restart. */
  reload(): void {
    for (const kept of this.#processes) kept.reload();
  }

  status(): SupervisorStatus {
    return {
      pid: process.pid,
      uptimeSeconds: Math.round((performance.now() - this.#startedAt) / 1000),
      processes: this.#processes.map((kept) => kept.status()),
    };
  }

  async #startAll(): Promise<void> {
    const { config, log } = this.#options;
    const { socket } = supervisorPaths(config);
    // Told to stop before it began.
    if (this.#stopReason !== undefined) return;
    this.#control = await serveControl(socket, { 'GET /status': () => this.status() }, log);
    for (const kept of this.#processes) {
      if (this.#stopReason !== undefined) return;
      await kept.start();
    }
  }

  async #stopAll(): Promise<void> {
    const { config, killAfterMs = 3000 } = this.#options;
    for (const kept of this.#processes) kept.endRestarts();
    for (const kept of this.#processes.toReversed()) await kept.stop(config['shutdown.drain'] + killAfterMs);
    await this.#starting;
    await this.#control?.close();
    this.#options.log.info('stopped');
  }
}
