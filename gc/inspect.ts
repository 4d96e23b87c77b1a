import { type Inspection, openInspection, type WhyQuestion } from '../registry-core/metadata/inspection.ts';
import { retentionOf } from '../registry-core/retention.ts';
import { dataPaths } from '../runtime/config.ts';
import type { Config } from '../runtime/config-schema.ts';
import { acquireLock } from '../runtime/lock.ts';
import { type PastRun, pastRuns } from './history.ts';
import { type PlanReport, planReport } from './plan.ts';
import { type WhyReport, whyReport } from './why.ts';

export type { PastRun } from './history.ts';
export type { PlanReport, PlanSection } from './plan.ts';
export { parseQuestion, type WhyPlaceReport, type WhyReport } from './why.ts';

/** What goes and what waits, whether or not a server runs; at most `limit` of each kind are listed. */
export function planOf(config: Config, limit: number): Promise<PlanReport> {
  return inspecting(config, async (inspection) => planReport(await inspection.plan(limit)));
}

/** What keeps a manifest or a blob; undefined when there is no such thing. At most `limit` chains a repository. */
export function whyOf(config: Config, question: WhyQuestion, limit: number): Promise<WhyReport | undefined> {
  return inspecting(config, async (inspection) => {
    const why = await inspection.why(question, limit);
    return why && whyReport(why, Date.now());
  });
}

/** Past runs, the newest first, and the one that is under way. */
export function historyOf(config: Config, limit: number): Promise<PastRun[]> {
  return inspecting(config, async (inspection) => {
    const rows = await inspection.runs(limit);
    // Only an unfinished one makes the lock worth a look.
    return pastRuns(rows, rows[0]?.finishedAt === null && (await isRunning(config)));
  });
}

async function isRunning(config: Config): Promise<boolean> {
  const lock = await acquireLock(dataPaths(config).collectorLock);
  lock?.release();
  return lock === undefined;
}

async function inspecting<Result>(
  config: Config,
  work: (inspection: Inspection) => Promise<Result>,
): Promise<Result> {
  const inspection = openInspection(dataPaths(config).registryDatabase, retentionOf(config));
  try {
    return await work(inspection);
  } finally {
    await inspection.close();
  }
}
