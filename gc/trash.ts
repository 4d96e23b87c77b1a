import type { Collection, TrashedBlob } from '../registry-core/metadata/collection.ts';
import type { BlobStore } from '../registry-core/storage/blob-store.ts';
import { isDiskFull } from '../runtime/ballast.ts';
import { faultPoint } from '../runtime/fault-points.ts';
import { breathe } from './pace.ts';
import { type Pile, sweepPile } from './pile.ts';
import type { Report } from './report.ts';

/**
 * Condemned blobs whose files are not removed but moved into the trash. Where they will be is written down before
 * they move, so no file is ever without a row that names it: a run that is cut off here is finished by the next one,
 * and a push that revives a digest meanwhile leaves at most a copy in the trash, which goes in its time.
 */
export function intoTrash(collection: Collection, store: BlobStore, report: Report): Pile<TrashedBlob> {
  return {
    async read(after, limit) {
      for (;;) {
        const condemned = await collection.condemned(after?.digest ?? '', limit);
        const recorded = await collection.trash.record(condemned);
        if (recorded.length > 0) faultPoint('gc.trash.recorded');
        // Where none was, all of them have been revived just now.
        if (recorded.length > 0 || condemned.length === 0) return recorded;
      }
    },
    async remove({ storageKey, day }) {
      try {
        const bytes = (await store.trash(storageKey, day)) ?? 0;
        report.bytes_trashed += bytes;
        faultPoint('gc.trash.moved');
        return 0;
      } catch (error) {
        // No room for so much as the name of a directory: this is no time for a trash.
        if (isDiskFull(error)) return store.remove(storageKey);
        throw error;
      }
    },
    async forget(blobs) {
      faultPoint('gc.trash.synced');
      report.blobs_swept += await collection.forgetCondemned(blobs);
      faultPoint('gc.trash.forgotten');
    },
  };
}

/** Removes what has been in the trash for `gc.trash`; with `all` every file that is there. */
export async function purgeTrash(
  collection: Collection,
  store: BlobStore,
  report: Report,
  { all = false, signal }: { all?: boolean; signal?: AbortSignal | undefined } = {},
): Promise<void> {
  const pile: Pile<TrashedBlob> = {
    read: (after, limit) => collection.trash.expired(all, after, limit),
    async remove({ storageKey, day }) {
      const bytes = await store.removeTrashed(storageKey, day);
      report.bytes_purged += bytes ?? 0;
      faultPoint('gc.trash.removed');
      return bytes;
    },
    async forget(blobs) {
      faultPoint('gc.trash.purged');
      await collection.trash.forget(blobs);
    },
  };
  await sweepPile(pile, collection, store, report, signal);
  while ((await collection.trash.trim()) > 0) await breathe(collection, signal);
}
