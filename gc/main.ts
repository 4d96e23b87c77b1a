import { mkdirSync } from 'node:fs';
import { OciError } from '../oci/errors.ts';
import { dataPaths } from '../runtime/config.ts';
import type { Config } from '../runtime/config-schema.ts';
import { serveControl } from '../runtime/control.ts';
import type { Log } from '../runtime/log.ts';
import { type Running, runMain } from '../runtime/main.ts';
import { CollectionRunning, lastReport, type Report, runCollection } from './index.ts';
import { watchPressure } from './pressure.ts';
import type { RunProgress } from './run-progress.ts';
import { startSchedule } from './schedule.ts';

/** The process `gc`. When it collects is `schedule.ts`, what a run does is `run.ts`. */
async function startCollector(config: Config, log: Log): Promise<Running> {
  const paths = dataPaths(config);
  mkdirSync(paths.run, { recursive: true, mode: 0o700 });
  const runs = createRuns(config, log);
  const schedule = startSchedule(config, log, async (signal) => {
    try {
      await runs.start(false, signal);
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
        running: runs.running(),
        progress: (await runs.progress()) ?? null,
        last_report: (await lastReport(config)) ?? null,
      }),
      'POST /relieve': () => pressure.relieve(),
      'POST /run': (input) => runs.start((input as { dryRun?: boolean } | undefined)?.dryRun === true),
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

/** Runs of this process: a request that comes during one waits for it, then gets a run of its own. */
function createRuns(config: Config, log: Log) {
  let current: Promise<unknown> = Promise.resolve();
  let active = 0;
  let progress: RunProgress | undefined;
  const stopping = new AbortController();
  return {
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
    start(dryRun: boolean, end?: AbortSignal): Promise<Report> {
      const signal = end ? AbortSignal.any([stopping.signal, end]) : stopping.signal;
      const run = current.then(() => {
        signal.throwIfAborted();
        active++;
        const onBegin = (begun: RunProgress) => {
          progress = begun;
        };
        return runCollection(config, { dryRun, log, waitMs: 60_000, signal, onBegin }).finally(() => {
          active--;
          progress = undefined;
        });
      });
      current = run.catch(() => undefined);
      return run;
    },
  };
}

await runMain('gc', startCollector);
