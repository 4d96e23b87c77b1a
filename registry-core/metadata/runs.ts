import type { Durability } from './durability.ts';
import type { Statements } from './statements.ts';

/** The record of runs, which `gatehouse gc history` reads. */
export interface Runs {
  /** @returns the number of the run. One that is never finished was cut off. */
  beginRun(): Promise<number>;
  finishRun(run: number, report: unknown): Promise<void>;
  /** The report of the last run that came to its end. */
  lastRun(): Promise<unknown>;
}

export function openRuns(statements: Statements, { durably }: Durability): Runs {
  return {
    beginRun: async () =>
      durably(
        () =>
          statements.get<{ id: number }>(
            'INSERT INTO gc_runs (started_at) VALUES (?) RETURNING id',
            Date.now(),
          )!.id,
      ),
    finishRun: async (run, report) =>
      durably(() => {
        statements.run(
          'UPDATE gc_runs SET finished_at = ?, report = ? WHERE id = ?',
          Date.now(),
          JSON.stringify(report),
          run,
        );
      }),
    lastRun: async () => {
      const row = statements.get<{ report: string }>(
        'SELECT report FROM gc_runs WHERE finished_at IS NOT NULL ORDER BY id DESC LIMIT 1',
      );
      return row ? JSON.parse(row.report) : undefined;
    },
  };
}
