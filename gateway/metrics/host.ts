import { dataPaths } from '../../runtime/config.ts';
import type { Config } from '../../runtime/config-schema.ts';
import { callControl } from '../../runtime/control.ts';
import { type CoreStatus, coreStatusPath } from '../../runtime/core-status.ts';
import { readDiskSpace } from '../../runtime/disk.ts';
import { type ProcessFigures, readProcessFigures } from '../../runtime/process-figures.ts';
import { type HostMetrics, hostMetrics, type Snapshot } from './registry.ts';

/** What the collector answers on its control socket; only what is read here. */
interface CollectorStatus {
  process: ProcessFigures;
  running: boolean;
  next_run: string | null;
  totals: Record<'succeeded' | 'failed' | 'seconds', number> &
    Record<'bytes_freed' | 'blobs_swept' | 'manifests_deleted' | 'uploads_expired', number>;
  last_report: { finished_at: string; duration_ms: number; bytes_freed: number; errors: unknown[] } | null;
}

/** The metrics of the other processes and of the disks, asked anew for each scrape. What does not answer is left out. */
export async function readHostMetrics(config: Config): Promise<Snapshot> {
  const paths = dataPaths(config);
  const ask = (socket: string, target: string) =>
    callControl(socket, 'GET', target).catch(() => undefined) as Promise<unknown>;
  const [core, collector, disks, own] = await Promise.all([
    ask(paths.coreSocket, coreStatusPath) as Promise<CoreStatus | undefined>,
    ask(paths.collectorSocket, '/status') as Promise<CollectorStatus | undefined>,
    readDiskSpace(config).catch(() => undefined),
    readProcessFigures(),
  ]);
  const metrics = hostMetrics();
  metrics.build.set({ version: own.version, node: own.node }, 1);
  setProcess(metrics, 'gateway', own);
  setProcess(metrics, 'core', core?.process);
  setProcess(metrics, 'gc', collector?.process);
  if (core) {
    metrics.uploads.set(core.uploads_open);
    metrics.coreRequests.set(core.requests_active);
  }
  if (collector) setCollector(metrics, collector);
  for (const { path, free_bytes, total_bytes, reserve_bytes } of disks?.file_systems ?? []) {
    metrics.diskFree.set({ path }, free_bytes);
    metrics.diskSize.set({ path }, total_bytes);
    metrics.diskReserve.set({ path }, reserve_bytes);
  }
  return metrics.registry.getMetricsAsJSON();
}

function setProcess(metrics: HostMetrics, process: string, figures: ProcessFigures | undefined): void {
  metrics.up.set({ process }, figures ? 1 : 0);
  if (!figures) return;
  metrics.uptime.set({ process }, figures.uptime_seconds);
  metrics.resident.set({ process }, figures.resident_bytes);
  metrics.cpu.inc({ process }, figures.cpu_seconds);
  metrics.lag.set({ process }, figures.event_loop_lag_seconds);
  if (figures.open_descriptors !== null) metrics.descriptors.set({ process }, figures.open_descriptors);
}

function setCollector(
  metrics: HostMetrics,
  { running, totals, last_report, next_run }: CollectorStatus,
): void {
  metrics.gcRunning.set(running ? 1 : 0);
  metrics.gcRuns.inc({ result: 'succeeded' }, totals.succeeded);
  metrics.gcRuns.inc({ result: 'failed' }, totals.failed);
  metrics.gcSeconds.inc(totals.seconds);
  metrics.gcFreed.inc(totals.bytes_freed);
  metrics.gcBlobs.inc(totals.blobs_swept);
  metrics.gcManifests.inc(totals.manifests_deleted);
  metrics.gcUploads.inc(totals.uploads_expired);
  if (next_run) metrics.gcNextRun.set(Date.parse(next_run) / 1000);
  if (!last_report) return;
  metrics.gcLastSuccess.set(Date.parse(last_report.finished_at) / 1000);
  metrics.gcLastDuration.set(last_report.duration_ms / 1000);
  metrics.gcLastFreed.set(last_report.bytes_freed);
  metrics.gcLastErrors.set(last_report.errors.length);
}
