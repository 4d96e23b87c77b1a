import { mkdirSync } from 'node:fs';
import { createTask, type ScheduledTask, validate } from 'node-cron';
import { OciError } from '../oci/errors.ts';
import { ConfigError, dataPaths } from '../runtime/config.ts';
import type { Config } from '../runtime/config-schema.ts';
import { serveControl } from '../runtime/control.ts';
import type { Log } from '../runtime/log.ts';
import { type Running, runMain } from '../runtime/main.ts';
import { CollectionRunning, lastReport, type Report, runCollection } from './index.ts';

/** The process `gc`: decides *when*. What a run does is `run.ts`. */
async function startCollector(config: Config, log: Log): Promise<Running> {
  const paths = dataPaths(config);
  mkdirSync(paths.run, { recursive: true, mode: 0o700 });
  const runs = createRuns(config, log);
  const task = schedule(config, () => {
    runs.start(false).catch((error) => {
      if (error instanceof CollectionRunning) log.warn('scheduled collection left out: one is running');
      else log.error('collection failed', { error });
    });
  });
  const control = await serveControl(
    paths.collectorSocket,
    {
      'GET /status': async () => ({
        pid: process.pid,
        schedule: config['gc.schedule'],
        next_run: task?.getNextRun()?.toISOString() ?? null,
        running: runs.running(),
        last_report: (await lastReport(config)) ?? null,
      }),
      'POST /run': (input) => runs.start((input as { dryRun?: boolean } | undefined)?.dryRun === true),
    },
    log,
  );
  return {
    async drain() {
      await task?.destroy();
      await runs.stop();
      await control.close();
    },
  };
}

/** Runs of this process: a request that comes during one waits for it, then gets a run of its own. */
function createRuns(config: Config, log: Log) {
  let current: Promise<unknown> = Promise.resolve();
  let active = 0;
  const stopping = new AbortController();
  return {
    running: () => active > 0,
    /** Ends a run under way between two transactions, so that its asker hears of it. */
    async stop() {
      stopping.abort(
        new OciError('UNAVAILABLE', { message: 'the collector is stopping; the next run goes on from here' }),
      );
      await current;
    },
    start(dryRun: boolean): Promise<Report> {
      const run = current.then(() => {
        active++;
        return runCollection(config, { dryRun, log, waitMs: 60_000, signal: stopping.signal }).finally(
          () => active--,
        );
      });
      current = run.catch(() => undefined);
      return run;
    },
  };
}

function schedule(config: Config, work: () => void): ScheduledTask | undefined {
  const expression = config['gc.schedule'];
  if (expression === 'off') return undefined;
  if (!validate(expression)) {
    throw new ConfigError([{ key: 'gc.schedule', value: expression, expected: 'a cron expression, or off' }]);
  }
  const task = createTask(expression, work);
  task.start();
  return task;
}

await runMain('gc', startCollector);
