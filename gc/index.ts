import { OciError } from '../oci/errors.ts';
import { openCollection } from '../registry-core/metadata/collection.ts';
import { retentionOf } from '../registry-core/retention.ts';
import { openBlobStore } from '../registry-core/storage/open.ts';
import { dataPaths } from '../runtime/config.ts';
import type { Config } from '../runtime/config-schema.ts';
import { acquireLock } from '../runtime/lock.ts';
import type { Log } from '../runtime/log.ts';
import { readClock } from './clock.ts';
import type { Report } from './report.ts';
import { collect, plan } from './run.ts';

export type { Report, ReportError } from './report.ts';

/** Another run, of this process or another, has not ended. */
export class CollectionRunning extends OciError {
  constructor() {
    super('UNAVAILABLE', { message: 'a collection is running already; `gatehouse status` shows its report' });
  }
}

/**
 * Runs one collection on a data directory, whether or not its server runs; never two at once.
 * @throws CollectionRunning
 */
export async function runCollection(
  config: Config,
  { dryRun, log, waitMs = 0, signal }: { dryRun: boolean; log: Log; waitMs?: number; signal?: AbortSignal },
): Promise<Report> {
  const paths = dataPaths(config);
  const lock = dryRun ? undefined : await acquireLock(paths.collectorLock, waitMs);
  if (!dryRun && !lock) throw new CollectionRunning();
  try {
    const collection = openCollection(paths.registryDatabase, retentionOf(config));
    try {
      const report = dryRun
        ? await plan(collection)
        : await collect({
            collection,
            store: await openBlobStore(config),
            clock: readClock(),
            eventsRetentionMs: config['events.retention'],
            signal,
          });
      log.info(dryRun ? 'collection planned' : 'collection finished', { report });
      return report;
    } finally {
      await collection.close();
    }
  } finally {
    lock?.release();
  }
}

/** The report of the last run, or undefined. */
export async function lastReport(config: Config): Promise<Report | undefined> {
  const collection = openCollection(dataPaths(config).registryDatabase, retentionOf(config));
  try {
    return (await collection.lastRun()) as Report | undefined;
  } finally {
    await collection.close();
  }
}
