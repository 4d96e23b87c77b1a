import { type ChildProcess, fork } from 'node:child_process';
import { getCompileCacheDir } from 'node:module';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defaultBackOff } from '../../runtime/back-off.ts';
import { openAll } from '../../runtime/closers.ts';
import type { Config } from '../../runtime/config-schema.ts';
import type { Log } from '../../runtime/log.ts';
import type { Running } from '../../runtime/main.ts';
import { openShared, serveQuestions } from '../shared.ts';
import { ownServices } from './channel.ts';
import { WorkerHub } from './hub.ts';
import { KeptWorker } from './kept-worker.ts';
import { openSharedSockets } from './sockets.ts';

// The same extension as this file, which a published package has compiled to .js.
const entry = fileURLToPath(new URL(`./main${extname(import.meta.url)}`, import.meta.url));

/**
 * A gateway of several processes. This one serves no request: it keeps what the workers share, the sockets that they
 * take connections from among it, and starts again what dies. Its workers end when it does.
 *
 *     supervisor ──▶ primary ─┬─▶ worker ──▶ core
 *                    counters ├─▶ worker ──▶ core
 *                    control  └─▶ worker ──▶ core
 */
export async function openPrimary(config: Config, log: Log): Promise<Running> {
  const hub = new WorkerHub(log);
  const { opened, close } = await openAll(async (onClose) => {
    const shared = await openShared(config, log, hub);
    onClose(() => shared.close());
    const sockets = await openSharedSockets(config);
    onClose(() => sockets.close());
    hub.serve(ownServices.secret, () => hub.sharedSecret.toString('base64'));
    hub.serve(ownServices.sync, () => null);
    hub.serve(ownServices.sockets, () => sockets.inherited);
    const workers = Array.from(
      { length: config['gateway.workers'] },
      () => new KeptWorker(() => startWorker(sockets.descriptors), hub, log, defaultBackOff),
    );
    onClose(async () => {
      sockets.close();
      await Promise.all(workers.map((worker) => worker.stop(config['shutdown.drain'])));
    });
    await Promise.all(workers.map((worker) => worker.start()));
    const questions = await serveQuestions(config, log, hub, shared);
    onClose(() => questions.close());
    const reload = async () => {
      await shared.reload();
      for (const worker of workers) worker.reload();
    };
    return { reload };
  });
  return { ...opened, drain: close };
}

function startWorker(descriptors: number[]): ChildProcess {
  const cache = getCompileCacheDir();
  const env = cache === undefined ? process.env : { NODE_COMPILE_CACHE: cache, ...process.env };
  // Its standard output goes to our standard error, as ours does.
  return fork(entry, process.argv.slice(2), { env, stdio: ['ignore', 2, 2, 'ipc', ...descriptors] });
}
