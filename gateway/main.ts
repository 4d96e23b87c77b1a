import cluster from 'node:cluster';
import { fileURLToPath } from 'node:url';
import { runMain } from '../runtime/main.ts';

// A primary has no use for most of what a worker loads, nor one process for a primary.
await runMain('gateway', async (config, log) => {
  if (cluster.isWorker) {
    const [{ openFrontDoor }, { openWorkerChannel }] = await Promise.all([
      import('./gateway.ts'),
      import('./workers/worker.ts'),
    ]);
    return openFrontDoor(config, log, await openWorkerChannel(log));
  }
  if (config['gateway.workers'] > 1) {
    const { openPrimary } = await import('./workers/primary.ts');
    return openPrimary(config, log, { entry: fileURLToPath(import.meta.url) });
  }
  const { openGateway } = await import('./gateway.ts');
  return openGateway(config, log);
});
