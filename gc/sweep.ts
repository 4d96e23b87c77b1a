import type { Collection, CondemnedBlob, DoomedKey } from '../registry-core/metadata/collection.ts';
import type { BlobStore } from '../registry-core/storage/blob-store.ts';
import { faultPoint } from '../runtime/fault-points.ts';
import { type Pile, sweepPile } from './pile.ts';
import type { Report } from './report.ts';
import { intoTrash } from './trash.ts';

export interface SweepOptions {
  signal?: AbortSignal | undefined;
  /** Whether files of blobs go into the trash. */
  trash?: boolean;
}

/**
 * Removes files, or puts them into the trash, then the rows that named them where digest, key and state still match:
 * a push that revived the digest meanwhile has a new key and keeps its row. A file that cannot be removed stays
 * condemned, is reported, and is tried again by the next run. Interrupted anywhere, the next run goes on.
 */
export async function sweep(
  collection: Collection,
  store: BlobStore,
  report: Report,
  { signal, trash = collection.trash.isOn }: SweepOptions = {},
): Promise<void> {
  // No file goes whose condemnation power loss could still undo.
  const durably = async <Entry>(entries: Promise<Entry[]>): Promise<Entry[]> => {
    if ((await entries).length > 0) await collection.makeDurable();
    return entries;
  };
  const condemned: Pile<CondemnedBlob> = {
    read: (after, limit) => durably(collection.condemned(after?.digest ?? '', limit)),
    remove({ storageKey }) {
      faultPoint('gc.condemned.listed');
      return store.remove(storageKey);
    },
    removed: () => faultPoint('gc.condemned.removed'),
    async forget(blobs) {
      faultPoint('gc.condemned.synced');
      report.blobs_swept += await collection.forgetCondemned(blobs);
      faultPoint('gc.condemned.forgotten');
    },
  };
  const doomed = (kind: DoomedKey['kind']): Pile<DoomedKey> => ({
    read: (after, limit) => durably(collection.doomedKeys(kind, after?.storageKey ?? '', limit)),
    remove({ storageKey }) {
      faultPoint('gc.doomed.listed');
      return kind === 'blob' ? store.remove(storageKey) : store.discardUpload(storageKey);
    },
    removed: () => faultPoint('gc.doomed.removed'),
    async forget(keys) {
      faultPoint('gc.doomed.synced');
      await collection.forgetDoomed(keys);
      faultPoint('gc.doomed.forgotten');
    },
  });
  if (trash) await sweepPile(intoTrash(collection, store, report), collection, store, report, signal);
  else await sweepPile(condemned, collection, store, report, signal);
  await sweepPile(doomed('upload'), collection, store, report, signal);
  await sweepPile(doomed('blob'), collection, store, report, signal);
}
