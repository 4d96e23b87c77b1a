import type { Report } from '../../gc/index.ts';
import { dataPaths } from '../../runtime/config.ts';
import type { Config } from '../../runtime/config-schema.ts';
import { callControl } from '../../runtime/control.ts';

/** What the collections of a soak did. */
export interface CollectionCounts {
  runs: number;
  swept: number;
  bytesFreed: number;
  errors: string[];
}

/** Asks for one collection after the other, without a pause, until it is stopped. */
export class Collections {
  readonly counts: CollectionCounts = { runs: 0, swept: 0, bytesFreed: 0, errors: [] };
  readonly #socket: string;
  readonly #stopping = new AbortController();
  #ended: Promise<void> = Promise.resolve();

  constructor(config: Config) {
    this.#socket = dataPaths(config).collectorSocket;
  }

  start(): void {
    this.#ended = this.#loop();
  }

  /** Lets the run under way come to its end. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#ended;
  }

  async run(): Promise<Report> {
    const report = (await callControl(this.#socket, 'POST', '/run')) as Report;
    this.counts.runs++;
    this.counts.swept += report.blobs_swept;
    this.counts.bytesFreed += report.bytes_freed;
    for (const { what, message } of report.errors) this.counts.errors.push(`${what}: ${message}`);
    return report;
  }

  async #loop(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      try {
        await this.run();
      } catch (error) {
        this.counts.errors.push((error as Error).message);
        return;
      }
    }
  }
}
