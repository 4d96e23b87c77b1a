import type { Verification } from '../registry-core/metadata/verification.ts';
import type { BlobStore } from '../registry-core/storage/blob-store.ts';
import type { Progress } from './progress.ts';
import { verifyBlobs } from './verify-blobs.ts';
import { verifyFiles } from './verify-files.ts';
import { Findings, type VerifyReport } from './verify-findings.ts';
import { verifyManifests } from './verify-manifests.ts';
import { verifyTrash } from './verify-trash.ts';

export interface VerifyOptions {
  /** Sizes only: no file is read. */
  quick: boolean;
  repair: boolean;
  /** Younger files without a name are left alone, and not spoken of. */
  minAgeMs: number;
  /** Whether an index may list manifests that its repository does not have. */
  sparse: boolean;
  /** Of findings in the report. */
  limit: number;
  progress: Progress;
  signal?: AbortSignal | undefined;
}

export interface VerifyWork extends VerifyOptions {
  verification: Verification;
  store: BlobStore;
  findings: Findings;
}

/**
 * Looks at everything: the database, each manifest, each blob's file, each file's name. It may run while people push,
 * since it holds no transaction over more than a batch, and asks again before it believes that something is wrong.
 * Without `repair` it changes nothing.
 */
export async function verify(
  verification: Verification,
  store: BlobStore,
  options: VerifyOptions,
): Promise<VerifyReport> {
  const findings = new Findings(options);
  const work: VerifyWork = { ...options, verification, store, findings };
  options.progress.begin('checking the database');
  for (const message of await verification.reads.faults(options.quick)) {
    findings.add({ problem: 'database', what: 'registry.db', message, bytes: 0 });
  }
  const figures = await verification.reads.figures();
  options.progress.begin('verifying manifests', figures.manifests);
  await verifyManifests(work);
  options.progress.begin('verifying blobs', figures.blobs, options.quick ? 0 : figures.bytes);
  await verifyBlobs(work);
  options.progress.begin('verifying the trash');
  await verifyTrash(work);
  options.progress.begin('looking for unnamed files', figures.blobs);
  await verifyFiles(work);
  return findings.report();
}
