import cluster from 'node:cluster';
import { getCompileCacheDir } from 'node:module';
import { type BackOff, defaultBackOff } from '../../runtime/back-off.ts';
import type { Config } from '../../runtime/config-schema.ts';
import type { Log } from '../../runtime/log.ts';
import type { Running } from '../../runtime/main.ts';
import { openShared, serveQuestions } from '../shared.ts';
import { ownServices } from './channel.ts';
import { WorkerHub } from './hub.ts';
import { KeptWorker } from './kept-worker.ts';
import { agreePort } from './port.ts';

export interface PrimaryOptions {
  /** The module that workers run, which is the gateway's own main. */
  entry: string;
  backOff?: BackOff;
}

/**
 * A gateway of several processes. This one serves no request: it takes connections and deals them out in turn
 * (node:cluster), keeps what the workers share, and starts again what dies. Its workers end when it does.
 *
 *     supervisor ──▶ primary ─┬─▶ worker ──▶ core
 *                    counters ├─▶ worker ──▶ core
 *                    control  └─▶ worker ──▶ core
 */
export async function openPrimary(config: Config, log: Log, options: PrimaryOptions): Promise<Running> {
  const { entry, backOff = defaultBackOff } = options;
  const hub = new WorkerHub(log);
  const closers: (() => void | Promise<void>)[] = [];
  const closeAll = async () => {
    for (let close = closers.pop(); close; close = closers.pop()) await close();
  };
  try {
    const shared = await openShared(config, log, hub);
    closers.push(() => shared.close());
    const port = await agreePort(config);
    closers.push(() => port.release());
    hub.serve(ownServices.secret, () => hub.sharedSecret.toString('base64'));
    hub.serve(ownServices.sync, () => null);
    hub.serve(ownServices.port, () => port.claim());
    setupCluster(entry);
    const workers = Array.from(
      { length: config['gateway.workers'] },
      () => new KeptWorker(hub, log, backOff),
    );
    closers.push(async () => {
      await Promise.all(workers.map((worker) => worker.stop(config['shutdown.drain'])));
    });
    await Promise.all(workers.map((worker) => worker.start()));
    const questions = await serveQuestions(config, log, hub, shared);
    closers.push(() => questions.close());
    const reload = async () => {
      await shared.reload();
      for (const worker of workers) worker.reload();
    };
    return { drain: closeAll, reload };
  } catch (error) {
    await closeAll();
    throw error;
  }
}

function setupCluster(entry: string): void {
  cluster.schedulingPolicy = cluster.SCHED_RR;
  // Their standard output goes to our standard error, as ours does.
  cluster.setupPrimary({ exec: entry, args: process.argv.slice(2), stdio: ['ignore', 2, 2, 'ipc'] });
  const cache = getCompileCacheDir();
  if (cache !== undefined) process.env['NODE_COMPILE_CACHE'] ??= cache;
}
