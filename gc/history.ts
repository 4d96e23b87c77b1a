import type { RunRow } from '../registry-core/metadata/inspection.ts';
import type { Report } from './report.ts';
import { timeText } from './time.ts';

/** A run as `gatehouse gc history --json` prints it. */
export interface PastRun {
  run: number;
  /** cut off: it never came to its end; the next one went on from there. */
  state: 'finished' | 'under way' | 'cut off';
  started_at: string;
  finished_at: string | null;
  /** What it did; null of one that did not finish. */
  report: Report | null;
}

/** @param isRunning whether somebody holds the collector's lock: only the newest run can be under way. */
export function pastRuns(rows: readonly RunRow[], isRunning: boolean): PastRun[] {
  return rows.map(({ run, startedAt, finishedAt, report }, index) => ({
    run,
    state: finishedAt !== null ? 'finished' : index === 0 && isRunning ? 'under way' : 'cut off',
    started_at: timeText(startedAt),
    finished_at: finishedAt === null ? null : timeText(finishedAt),
    report: report as Report | null,
  }));
}
