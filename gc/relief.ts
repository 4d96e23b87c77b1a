import { type Collection, openCollection } from '../registry-core/metadata/collection.ts';
import { retentionOf } from '../registry-core/retention.ts';
import type { BlobStore } from '../registry-core/storage/blob-store.ts';
import { openBlobStore } from '../registry-core/storage/open.ts';
import { withBallast } from '../runtime/ballast.ts';
import { dataPaths } from '../runtime/config.ts';
import type { Config } from '../runtime/config-schema.ts';
import { acquireLock } from '../runtime/lock.ts';
import { readClock } from './clock.ts';
import { expireUploads } from './expire-uploads.ts';
import { newReport, type Report } from './report.ts';
import { sweep } from './sweep.ts';
import { purgeTrash } from './trash.ts';

/**
 * What can be done at once about a disk that is short of space, without a decision on anything that somebody may
 * count on: all of the trash goes, what earlier runs condemned or doomed, and expired uploads.
 * @returns undefined while a run is under way, which does the same.
 */
export async function relieve(config: Config, signal?: AbortSignal): Promise<Report | undefined> {
  const paths = dataPaths(config);
  const lock = await acquireLock(paths.collectorLock);
  if (!lock) return undefined;
  try {
    const collection = openCollection(paths.registryDatabase, retentionOf(config));
    try {
      return await clear(collection, await openBlobStore(config), paths.ballast, signal);
    } finally {
      await collection.close();
    }
  } finally {
    lock.release();
  }
}

/** Files go first: they make the room in which the database forgets them. */
async function clear(
  collection: Collection,
  store: BlobStore,
  ballast: string,
  signal: AbortSignal | undefined,
): Promise<Report> {
  const report = newReport(false, new Date());
  await purgeTrash(collection, store, report, { all: true, signal });
  await sweep(collection, store, report, { signal, trash: false });
  const { sessions } = await collection.plan(Date.now());
  // The database forgets sessions first. Without any the ballast stays for those who want to delete something.
  if (sessions > 0) {
    await withBallast(ballast, async () => {
      report.clock_suspect = (await collection.checkClock(readClock())).suspect;
      if (!report.clock_suspect) await expireUploads(collection, report, signal);
      await sweep(collection, store, report, { signal, trash: false });
    });
  }
  return report;
}
