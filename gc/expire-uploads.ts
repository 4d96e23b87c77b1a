import type { Collection } from '../registry-core/metadata/collection.ts';
import { faultPoint } from '../runtime/fault-points.ts';
import { breathe } from './pace.ts';
import type { Report } from './report.ts';

/** Ends upload sessions that nobody touched for `uploads.expiry`; sweep removes their bytes in the same run. */
export async function expireUploads(
  collection: Collection,
  report: Report,
  signal?: AbortSignal,
): Promise<void> {
  for (;;) {
    const expired = await collection.expireSessions();
    report.uploads_expired += expired;
    if (expired === 0) return;
    faultPoint('gc.sessions.expired');
    await breathe(collection, signal);
  }
}
