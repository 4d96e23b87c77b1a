import type { Collection } from '../registry-core/metadata/collection.ts';
import { faultPoint } from '../runtime/fault-points.ts';
import { breathe } from './pace.ts';
import { addError, type Report } from './report.ts';

/**
 * Marks: what nothing holds any more is deleted, and blobs without a link are *condemned*, durably, before any file
 * is touched. The decisions are `registry-core/metadata/mark.ts`; here is only the pace.
 */
export async function mark(collection: Collection, report: Report, signal?: AbortSignal): Promise<void> {
  const inDoubt = new Set<string>();
  for (;;) {
    const counts = await collection.mark(await collection.transactionMs());
    faultPoint('gc.mark.committed');
    report.manifests_deleted += counts.manifestsDeleted;
    report.links_deleted += counts.linksDeleted;
    report.blobs_condemned += counts.blobsCondemned;
    for (const name of counts.inDoubt) inDoubt.add(name);
    if (counts.done) break;
    await breathe(collection, signal);
  }
  for (const name of inDoubt) {
    addError(
      report,
      `repository ${name}`,
      new Error('has a manifest of an unknown type: nothing was deleted there'),
    );
  }
}
