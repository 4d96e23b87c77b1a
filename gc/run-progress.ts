import type { Collection } from '../registry-core/metadata/collection.ts';
import type { Log } from '../runtime/log.ts';
import { Progress, type ProgressReport } from './progress.ts';
import type { Report } from './report.ts';

/** How often a run that takes its time says in the log how far it is. */
const logEveryMs = 10_000;

export type RunPhase = 'expiring' | 'marking' | 'sweeping' | 'reporting';

/**
 * How far a run is: what its report counts already, and what the database says is left. It costs the run nothing;
 * whoever asks pays for the look at what is left.
 */
export class RunProgress {
  readonly #collection: Collection;
  readonly #progress = new Progress();
  #phase: RunPhase = 'expiring';
  #report: Report | undefined;
  #before = { decided: 0, swept: 0, bytes: 0 };

  constructor(collection: Collection) {
    this.#collection = collection;
  }

  begin(phase: RunPhase, report: Report): void {
    this.#phase = phase;
    this.#report = report;
    this.#before = figuresOf(report);
    this.#progress.begin(phase);
  }

  async read(): Promise<ProgressReport> {
    const { due, condemned, condemnedBytes } = await this.#collection.pending();
    if (this.#report) {
      const now = figuresOf(this.#report);
      const isSweeping = this.#phase === 'sweeping';
      const done = isSweeping ? now.swept - this.#before.swept : now.decided - this.#before.decided;
      const bytes = isSweeping ? now.bytes - this.#before.bytes : 0;
      this.#progress.reach(done, bytes);
      // Bytes of the batch under way count on both sides until its rows are forgotten.
      if (isSweeping) this.#progress.expect(done + condemned, bytes + condemnedBytes);
      else this.#progress.expect(done + (this.#phase === 'marking' ? due : 0));
    }
    return this.#progress.report();
  }
}

/** What a report counts: things that were decided, blobs that were swept, their bytes. */
function figuresOf(report: Report): { decided: number; swept: number; bytes: number } {
  return {
    decided: report.manifests_deleted + report.links_deleted + report.blobs_condemned,
    swept: report.blobs_swept,
    bytes: report.bytes_freed + report.bytes_trashed,
  };
}

/** Lines in the log while a run takes its time. @returns what ends them. */
export function logProgress(progress: RunProgress, log: Log): () => void {
  const timer = setInterval(async () => {
    try {
      log.info('collection under way', { progress: await progress.read() });
    } catch (error) {
      log.warn('cannot tell how far the collection is', { error });
    }
  }, logEveryMs);
  timer.unref();
  return () => clearInterval(timer);
}
