import type { Config } from '../../runtime/config-schema.ts';
import type { Log } from '../../runtime/log.ts';
import { readHostMetrics } from './host.ts';
import { mergeSnapshots } from './registry.ts';
import { type MetricsServer, openMetricsServer } from './server.ts';
import { type WorkerSnapshot, WorkerTotals } from './workers.ts';

/** Serves the metrics of all processes, where `metrics.listen` says so. */
export async function serveMetrics(
  config: Config,
  askWorkers: () => Promise<WorkerSnapshot[]>,
  log: Log,
): Promise<MetricsServer | undefined> {
  const where = config['metrics.listen'];
  if (!where) return undefined;
  const totals = new WorkerTotals();
  const scrape = async () => {
    const [workers, host] = await Promise.all([askWorkers(), readHostMetrics(config)]);
    return mergeSnapshots([...totals.merge(workers), host]);
  };
  return openMetricsServer(where, scrape, log);
}
