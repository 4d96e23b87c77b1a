import type { Statements } from './statements.ts';

/** Two clocks read at once. The boot clock counts from the machine's start and nobody can set it. */
export interface ClockReading {
  bootId: string;
  wallMs: number;
  bootMs: number;
}

interface ClockMark {
  bootId: string;
  /** wall − boot when it was last trusted. */
  offsetMs: number;
  /** wall − boot of a jump that is waiting to be believed, and the boot clock when it was first seen. */
  pending?: { offsetMs: number; sinceBootMs: number };
}

const toleranceMs = 3_600_000;

/**
 * Compares wall clock and boot clock with the mark of earlier runs. Where they drifted apart by over an hour
 * somebody set the clock, and leases look expired that are not: the run is to delete nothing by age. A new offset
 * is believed after it has stood for a whole lease of the boot clock, when every lease is over by either clock.
 */
export function checkClock(
  statements: Statements,
  reading: ClockReading,
  leaseMs: number,
): { suspect: boolean } {
  const { bootId, wallMs, bootMs } = reading;
  const offsetMs = wallMs - bootMs;
  const row = statements.get<{ value: string }>("SELECT value FROM meta WHERE key = 'clock'");
  const mark = row ? (JSON.parse(row.value) as ClockMark) : undefined;
  const near = (other: number) => Math.abs(offsetMs - other) <= toleranceMs;
  if (!mark || mark.bootId !== bootId || near(mark.offsetMs)) {
    store(statements, { bootId, offsetMs });
    return { suspect: false };
  }
  const pending =
    mark.pending && near(mark.pending.offsetMs) ? mark.pending : { offsetMs, sinceBootMs: bootMs };
  if (bootMs - pending.sinceBootMs >= leaseMs) {
    store(statements, { bootId, offsetMs });
    return { suspect: false };
  }
  store(statements, { ...mark, pending });
  return { suspect: true };
}

function store(statements: Statements, mark: ClockMark): void {
  statements.run(
    "INSERT INTO meta (key, value) VALUES ('clock', ?) ON CONFLICT DO UPDATE SET value = excluded.value",
    JSON.stringify(mark),
  );
}

/**
 * The time by which a run calls things old. From the check of the clock on it goes by one that nobody can set, so a
 * wall clock that jumps during the run makes nothing older. Nor is it ever ahead of the wall clock, by which others
 * write leases meanwhile.
 */
export class RunTime {
  #begun: { wallMs: number; monotonicMs: number } | undefined;

  begin(): void {
    this.#begun = { wallMs: Date.now(), monotonicMs: performance.now() };
  }

  now(): number {
    if (!this.#begun) return Date.now();
    const { wallMs, monotonicMs } = this.#begun;
    return Math.min(Date.now(), Math.floor(wallMs + performance.now() - monotonicMs));
  }
}
