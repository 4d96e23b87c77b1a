import { openVerification } from '../registry-core/metadata/verification.ts';
import { retentionOf } from '../registry-core/retention.ts';
import { openBlobStore } from '../registry-core/storage/open.ts';
import { dataPaths } from '../runtime/config.ts';
import type { Config } from '../runtime/config-schema.ts';
import type { Log } from '../runtime/log.ts';
import { Progress, type ProgressReport } from './progress.ts';
import { verify } from './verify.ts';
import type { VerifyReport } from './verify-findings.ts';

export type { VerifyReport } from './verify-findings.ts';

/** A row is there before its file; this is room for clocks that differ and for a slow disk. */
const minAgeMs = 10 * 60_000;
const logEveryMs = 10_000;

export interface VerifyStoreOptions {
  quick: boolean;
  repair: boolean;
  /** Of findings in the report. */
  limit: number;
  log: Log;
  signal?: AbortSignal;
  /** Is given, when it begins, what to ask how far it is. */
  onBegin?: (progress: { report(): ProgressReport }) => void;
}

/**
 * Looks at a whole data directory, whether or not its server runs.
 * @throws VerifyRefused when repairing would do harm.
 */
export async function verifyStore(config: Config, options: VerifyStoreOptions): Promise<VerifyReport> {
  const { log, onBegin, ...rest } = options;
  const progress = new Progress();
  const verification = openVerification(dataPaths(config).registryDatabase, retentionOf(config));
  const timer = setInterval(
    () => log.info('verification under way', { progress: progress.report() }),
    logEveryMs,
  );
  try {
    onBegin?.(progress);
    const store = await openBlobStore(config);
    const report = await verify(verification, store, {
      ...rest,
      minAgeMs,
      sparse: config['manifests.sparse_index'] !== 'deny',
      progress,
    });
    const { findings: _, ...figures } = report;
    log.info('verification finished', { report: figures });
    return report;
  } finally {
    clearInterval(timer);
    await verification.close();
  }
}
