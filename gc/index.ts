import { existsSync } from 'node:fs';
import { OciError } from '../oci/errors.ts';
import { openCollection } from '../registry-core/metadata/collection.ts';
import { retentionOf } from '../registry-core/retention.ts';
import { openBlobStore } from '../registry-core/storage/open.ts';
import type { AuditEntry } from '../runtime/audit-entry.ts';
import { reportToAudit } from '../runtime/audit-report.ts';
import { withBallast } from '../runtime/ballast.ts';
import { dataPaths } from '../runtime/config.ts';
import type { Config } from '../runtime/config-schema.ts';
import { readDiskSpace } from '../runtime/disk.ts';
import { acquireLock } from '../runtime/lock.ts';
import type { Log } from '../runtime/log.ts';
import { readClock } from './clock.ts';
import { collectionEntry, type Report } from './report.ts';
import { collect, plan } from './run.ts';
import { logProgress, RunProgress } from './run-progress.ts';

export type { ProgressReport } from './progress.ts';
export type { Report, ReportError } from './report.ts';

/** Another run, of this process or another, has not ended. */
export class CollectionRunning extends OciError {
  constructor() {
    super('UNAVAILABLE', { message: 'a collection is running already; `gatehouse status` shows its report' });
  }
}

export type RunAsker = Pick<AuditEntry, 'actor' | 'actorKind'>;

interface RunOptions {
  dryRun: boolean;
  log: Log;
  /** How long to wait for another run. */
  waitMs?: number;
  signal?: AbortSignal;
  /** Who asked for it; the collector itself, when nobody did. */
  by?: RunAsker;
  /** Is given, when the run begins, what to ask how far it is. */
  onBegin?: (progress: RunProgress) => void;
}

/**
 * Runs one collection on a data directory, whether or not its server runs; never two at once.
 * @throws CollectionRunning
 */
export async function runCollection(config: Config, options: RunOptions): Promise<Report> {
  const { ballast } = dataPaths(config);
  return options.dryRun ? runOnce(config, options) : withBallast(ballast, () => runOnce(config, options));
}

async function runOnce(
  config: Config,
  { dryRun, log, waitMs = 0, signal, by, onBegin }: RunOptions,
): Promise<Report> {
  const paths = dataPaths(config);
  const lock = dryRun ? undefined : await acquireLock(paths.collectorLock, waitMs);
  if (!dryRun && !lock) throw new CollectionRunning();
  try {
    const collection = openCollection(paths.registryDatabase, retentionOf(config), {
      isServed: () => existsSync(paths.coreSocket),
    });
    const progress = new RunProgress(collection);
    const endLog = dryRun ? undefined : logProgress(progress, log);
    try {
      if (!dryRun) onBegin?.(progress);
      const report = dryRun
        ? await plan(collection)
        : await collect({
            collection,
            store: await openBlobStore(config, { mayBlock: true }),
            clock: readClock(),
            eventsRetentionMs: config['events.retention'],
            isShort: async () => (await readDiskSpace(config)).short,
            progress,
            signal,
          });
      log.info(dryRun ? 'collection planned' : 'collection finished', { report });
      if (!dryRun) await reportRun(config, report, by, log);
      return report;
    } finally {
      endLog?.();
      await collection.close();
    }
  } finally {
    lock?.release();
  }
}

/** Into the audit trail. The run is over: that it cannot be written there changes nothing of it. */
async function reportRun(config: Config, report: Report, by: RunAsker | undefined, log: Log): Promise<void> {
  const entry = collectionEntry(report, by ?? { actor: 'gc', actorKind: 'system' });
  try {
    await reportToAudit(config, entry);
  } catch (error) {
    log.error('the collection could not be written into the audit trail', { error });
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

/** What a soak looks at while collections run. */
export interface CollectionWatch {
  /** Digests whose files are about to be removed, some of them when there are many. */
  condemned(): Promise<string[]>;
  /** How often a push brought back what was condemned, or damaged. */
  revived(): Promise<number>;
  close(): Promise<void>;
}

export function watchCollection(config: Config): CollectionWatch {
  const collection = openCollection(dataPaths(config).registryDatabase, retentionOf(config));
  return {
    condemned: async () => (await collection.condemned('', 100)).map(({ digest }) => digest),
    revived: () => collection.countEvents('blob.revive'),
    close: () => collection.close(),
  };
}
