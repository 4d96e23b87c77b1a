import { mkdirSync } from 'node:fs';
import { OciError } from '../oci/errors.ts';
import { dataPaths } from '../runtime/config.ts';
import type { Config } from '../runtime/config-schema.ts';
import { serveControl } from '../runtime/control.ts';
import type { Log } from '../runtime/log.ts';
import { type Running, runMain } from '../runtime/main.ts';
import { readProcessFigures, watchEventLoop } from '../runtime/process-figures.ts';
import { CollectionRunning, lastReport, type Report, type RunAsker, runCollection } from './index.ts';
import { watchPressure } from './pressure.ts';
import type { RunProgress } from './run-progress.ts';
import { startSchedule } from './schedule.ts';

/** The process `gc`. When it collects is `schedule.ts`, what a run does is `run.ts`. */
async function startCollector(config: Config, log: Log): Promise<Running> {
  const paths = dataPaths(config);
  mkdirSync(paths.run, { recursive: true, mode: 0o700 });
  watchEventLoop();
  const runs = createRuns(config, log);
  const schedule = startSchedule(config, log, async (signal) => {
    try {
      await runs.start(false, { end: signal });
    } catch (error) {
      if (error instanceof CollectionRunning) log.warn('scheduled collection left out: one is running');
      else if (error === signal?.reason) log.info('scheduled collection interrupted', { error });
      else log.error('collection failed', { error });
    }
  });
  const pressure = watchPressure(config, log);
  const control = await serveControl(
    paths.collectorSocket,
    {
      'GET /status': async () => ({
        pid: process.pid,
        schedule: config['gc.schedule'],
        next_run: schedule?.next()?.toISOString() ?? null,
        process: await readProcessFigures(),
        running: runs.running(),
        totals: runs.totals,
        progress: (await runs.progress()) ?? null,
        last_report: (await lastReport(config)) ?? null,
      }),
      'POST /relieve': () => pressure.relieve(),
      'POST /run': (input) => {
        const { dryRun, by } = (input ?? {}) as { dryRun?: boolean; by?: RunAsker };
        return runs.start(dryRun === true, { by });
      },
    },
    log,
  );
  return {
    async drain() {
      await schedule?.stop();
      await runs.stop();
      await pressure.stop();
      await control.close();
    },
  };
}

/** Of all runs since this process started, dry ones left out. The names are an interface for scripts. */
interface RunTotals {
  succeeded: number;
  failed: number;
  seconds: number;
  bytes_freed: number;
  blobs_swept: number;
  manifests_deleted: number;
  uploads_expired: number;
}

function addTotals(totals: RunTotals, report: Report): void {
  if (report.dry_run) return;
  totals.succeeded++;
  totals.seconds += report.duration_ms / 1000;
  totals.bytes_freed += report.bytes_freed;
  totals.blobs_swept += report.blobs_swept;
  totals.manifests_deleted += report.manifests_deleted;
  totals.uploads_expired += report.uploads_expired;
}

/** Runs of this process: a request that comes during one waits for it, then gets a run of its own. */
function createRuns(config: Config, log: Log) {
  let current: Promise<unknown> = Promise.resolve();
  let active = 0;
  let progress: RunProgress | undefined;
  const totals: RunTotals = {
    succeeded: 0,
    failed: 0,
    seconds: 0,
    bytes_freed: 0,
    blobs_swept: 0,
    manifests_deleted: 0,
    uploads_expired: 0,
  };
  const stopping = new AbortController();
  return {
    totals,
    running: () => active > 0,
    /** How far the run under way is; undefined also when it has just closed its store. */
    progress: async () => await progress?.read().catch(() => undefined),
    /** Ends a run under way between two transactions, so that its asker hears of it. */
    async stop() {
      stopping.abort(
        new OciError('UNAVAILABLE', { message: 'the collector is stopping; the next run goes on from here' }),
      );
      await current;
    },
    /** @param end stops this run alone, as `stop` does all. */
    start(
      dryRun: boolean,
      { end, by }: { end?: AbortSignal | undefined; by?: RunAsker | undefined },
    ): Promise<Report> {
      const signal = end ? AbortSignal.any([stopping.signal, end]) : stopping.signal;
      const run = current.then(() => {
        signal.throwIfAborted();
        active++;
        const onBegin = (begun: RunProgress) => {
          progress = begun;
        };
        return runCollection(config, {
          dryRun,
          log,
          waitMs: 60_000,
          signal,
          onBegin,
          ...(by && { by }),
        }).finally(() => {
          active--;
          progress = undefined;
        });
      });
      current = run.then(
        (report) => addTotals(totals, report),
        () => {
          if (!dryRun) totals.failed++;
        },
      );
      return run;
    },
  };
}

await runMain('gc', startCollector);
