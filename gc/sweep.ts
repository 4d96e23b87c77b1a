import type { Collection, CondemnedBlob, DoomedKey } from '../registry-core/metadata/collection.ts';
import type { BlobStore } from '../registry-core/storage/blob-store.ts';
import { faultPoint } from '../runtime/fault-points.ts';
import { batch, type Pile, sweepPile } from './pile.ts';
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
    read: (after) => durably(collection.condemned(after?.digest ?? '', batch)),
    remove: async ({ storageKey }) => {
      faultPoint('gc.condemned.listed');
      const bytes = await store.remove(storageKey);
      faultPoint('gc.condemned.removed');
      return bytes;
    },
    forget: async (blobs) => {
      faultPoint('gc.condemned.synced');
      report.blobs_swept += await collection.forgetCondemned(blobs);
      faultPoint('gc.condemned.forgotten');
    },
  };
  const doomed = (kind: DoomedKey['kind']): Pile<DoomedKey> => ({
    read: (after) => durably(collection.doomedKeys(kind, after?.storageKey ?? '', batch)),
    remove: async ({ storageKey }) => {
      faultPoint('gc.doomed.listed');
      const bytes = await (kind === 'blob' ? store.remove(storageKey) : store.discardUpload(storageKey));
      faultPoint('gc.doomed.removed');
      return bytes;
    },
    forget: async (keys) => {
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
