import type { Snapshot } from './registry.ts';

/** What a worker answers when it is asked for its metrics. */
export interface WorkerSnapshot {
  pid: number;
  metrics: Snapshot;
}

const maxRemembered = 64;

/**
 * Keeps counting what workers counted that are gone, or do not answer in time: a total that falls is taken for a
 * restart of everything, and all of it would be counted again.
 */
export class WorkerTotals {
  readonly #last = new Map<number, Snapshot>();

  /** @returns what the workers say, and for those that say nothing what they had counted when last asked. */
  merge(answers: readonly WorkerSnapshot[]): Snapshot[] {
    const answered = new Set(answers.map(({ pid }) => pid));
    for (const { pid, metrics } of answers) {
      this.#last.delete(pid);
      this.#last.set(pid, metrics);
    }
    for (const [pid] of this.#last) {
      if (this.#last.size <= maxRemembered) break;
      this.#last.delete(pid);
    }
    const silent = [...this.#last].filter(([pid]) => !answered.has(pid));
    return [...answers.map(({ metrics }) => metrics), ...silent.map(([, metrics]) => countersOf(metrics))];
  }
}

function countersOf(snapshot: Snapshot): Snapshot {
  // In JSON the types are words.
  const kinds = new Set<unknown>(['counter', 'histogram']);
  return snapshot.filter(({ type, name }) => kinds.has(type) && name.startsWith('gatehouse_'));
}
