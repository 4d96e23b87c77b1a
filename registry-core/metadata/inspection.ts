import { openDatabase } from '../../runtime/sqlite.ts';
import { onPlan } from './plan.ts';
import { type PlanItems, planItems } from './plan-items.ts';
import type { Retention } from './review.ts';
import { migrations } from './schema.ts';
import { Statements } from './statements.ts';
import { Explainer, type Why, type WhyQuestion } from './why.ts';
import { Chains } from './why-chains.ts';

export type { Pile, PlanItems, PlanPiles } from './plan-items.ts';
export type { Why, WhyPlace, WhyQuestion, WhyStep } from './why.ts';

/**
 * The metadata store as one sees it who asks: what goes and why, what stays and why, what earlier runs did. Each
 * method reads one snapshot and writes nothing, so no push waits for it.
 */
export interface Inspection {
  /** What goes now and what waits until when, `limit` of each kind. */
  plan(limit: number): Promise<PlanItems>;
  /** What keeps a manifest or a blob, at most `limit` chains a place; undefined when there is no such thing. */
  why(question: WhyQuestion, limit: number): Promise<Why | undefined>;
  /** Runs, the newest first. */
  runs(limit: number): Promise<RunRow[]>;
  close(): Promise<void>;
}

/** A run of the past; without an end it is under way or was cut off. */
export interface RunRow {
  run: number;
  startedAt: number;
  finishedAt: number | null;
  report: unknown;
}

export function openInspection(path: string, retention: Retention): Inspection {
  const database = openDatabase(path, { migrations, busyTimeoutMs: 15_000 });
  const statements = new Statements(database);
  const inTheEnd = <Result>(read: (now: number) => Result): Result => {
    const now = Date.now();
    return onPlan(database, statements, retention, Number.POSITIVE_INFINITY, () => read(now));
  };
  return {
    plan: async (limit) => inTheEnd((now) => planItems(statements, retention, now, limit)),
    why: async (question, limit) =>
      inTheEnd((now) => {
        const chains = new Chains(statements, retention, now, limit);
        return new Explainer(statements, chains, limit).explain(question);
      }),
    runs: async (limit) => readRuns(statements, limit),
    close: async () => {
      database.close();
    },
  };
}

function readRuns(statements: Statements, limit: number): RunRow[] {
  const rows = statements.all<Omit<RunRow, 'report'> & { report: string | null }>(
    `SELECT id AS run, started_at AS startedAt, finished_at AS finishedAt, report
     FROM gc_runs ORDER BY id DESC LIMIT ?`,
    limit,
  );
  return rows.map((row) => ({ ...row, report: row.report === null ? null : JSON.parse(row.report) }));
}
