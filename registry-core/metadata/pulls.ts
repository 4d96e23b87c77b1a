import { type Reference, referenceText } from '../../oci/reference.ts';
import type { Statements } from './statements.ts';

/** A pull time is written again only when it is older than this, so it may be that much too early. */
export const pullCoarsenessMs = 3_600_000;
/** How long pulls wait in memory: what a crash may lose. */
export const flushMs = 60_000;
/** So many make a transaction of a few milliseconds. */
const maxWaiting = 500;

/** Who pulled what last, and when. */
export interface Pull {
  repository: string;
  reference: Reference;
  at: number;
}

/**
 * Notes pulls in memory and hands them to the writer together, at most once a minute unless there are very many: a
 * pull is never a write of its own.
 */
export class Pulls {
  readonly #write: (pulls: readonly Pull[]) => Promise<void>;
  readonly #waiting = new Map<string, Pull>();
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<unknown> = Promise.resolve();

  constructor(write: (pulls: readonly Pull[]) => Promise<void>) {
    this.#write = write;
  }

  /** @param pulledAt what the row says now. @returns false when that says enough, or one waits already. */
  note(repository: string, reference: Reference, pulledAt: number): boolean {
    const at = Date.now();
    const key = keyOf(repository, reference);
    if (at - pulledAt <= pullCoarsenessMs || this.#waiting.has(key)) return false;
    this.#waiting.set(key, { repository, reference, at });
    if (this.#waiting.size >= maxWaiting) void this.flush();
    else this.#arm();
    return true;
  }

  /** When the pull that waits was; 0 when none does. */
  waitingSince(repository: string, reference: Reference): number {
    return this.#waiting.get(keyOf(repository, reference))?.at ?? 0;
  }

  /**
   * Resolves when all writing is over. Never fails: what a full disk keeps from being written waits for the next time,
   * as much as there is room for.
   */
  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const pulls = [...this.#waiting.values()];
    this.#waiting.clear();
    if (pulls.length > 0) {
      const write = this.#write(pulls).catch(() => this.#putBack(pulls));
      this.#writing = Promise.all([this.#writing, write]);
    }
    await this.#writing;
  }

  #putBack(pulls: readonly Pull[]): void {
    const room = Math.max(0, maxWaiting - 1 - this.#waiting.size);
    for (const pull of pulls.slice(0, room)) {
      const key = keyOf(pull.repository, pull.reference);
      if (!this.#waiting.has(key)) this.#waiting.set(key, pull);
    }
    this.#arm();
  }

  #arm(): void {
    this.#timer ??= setTimeout(() => void this.flush(), flushMs).unref();
  }
}

function keyOf(repository: string, reference: Reference): string {
  return `${repository}\n${referenceText(reference)}`;
}

/** The body of one transaction. A tag that moved meanwhile was pulled all the same; what is gone is left out. */
export function recordPulls(statements: Statements, pulls: readonly Pull[]): void {
  for (const { repository, reference, at } of pulls) {
    const [table, column] = 'tag' in reference ? ['tags', 'name'] : ['manifests', 'digest'];
    statements.run(
      `UPDATE ${table} SET pulled_at = ?3
       WHERE repository_id = (SELECT id FROM repositories WHERE name = ?1) AND ${column} = ?2
         AND pulled_at < ?3 - ${pullCoarsenessMs}`,
      repository,
      referenceText(reference),
      at,
    );
  }
}
