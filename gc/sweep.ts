import type { Collection, CondemnedBlob, DoomedKey } from '../registry-core/metadata/collection.ts';
import type { BlobStore } from '../registry-core/storage/blob-store.ts';
import { breathe } from './pace.ts';
import { addError, type Report } from './report.ts';

const batch = 100;

/**
 * Removes files, then the rows that named them where digest, key and state still match: a push that revived the
 * digest meanwhile has a new key and keeps its row. A file that cannot be removed stays condemned, is reported, and
 * is tried again by the next run. Interrupted anywhere, the next run goes on.
 */
export async function sweep(
  collection: Collection,
  store: BlobStore,
  report: Report,
  signal?: AbortSignal,
): Promise<void> {
  const condemned: Pile<CondemnedBlob> = {
    read: (after) => collection.condemned(after?.digest ?? '', batch),
    remove: ({ storageKey }) => store.remove(storageKey),
    forget: async (blobs) => {
      report.blobs_swept += await collection.forgetCondemned(blobs);
    },
  };
  const doomed = (kind: DoomedKey['kind']): Pile<DoomedKey> => ({
    read: (after) => collection.doomedKeys(kind, after?.storageKey ?? '', batch),
    remove: (key) => removeDoomed(store, key),
    forget: (keys) => collection.forgetDoomed(keys),
  });
  await sweepPile(condemned, report, signal);
  await sweepPile(doomed('upload'), report, signal);
  await sweepPile(doomed('blob'), report, signal);
}

/** Files to remove, in the order of their keys, and the rows that name them. */
interface Pile<Entry extends { storageKey: string }> {
  /** The next batch; empty at the end. */
  read(after: Entry | undefined): Promise<Entry[]>;
  /** @returns the bytes that were freed; undefined when there was nothing. */
  remove(entry: Entry): Promise<number | undefined>;
  forget(removed: readonly Entry[]): Promise<void>;
}

async function sweepPile<Entry extends { storageKey: string }>(
  pile: Pile<Entry>,
  report: Report,
  signal: AbortSignal | undefined,
): Promise<void> {
  for (let after: Entry | undefined; ; ) {
    const entries = await pile.read(after);
    if (entries.length === 0) return;
    after = entries.at(-1);
    const removed: Entry[] = [];
    for (const entry of entries) {
      if (await remove(entry.storageKey, () => pile.remove(entry), report)) removed.push(entry);
    }
    await pile.forget(removed);
    await breathe(signal);
  }
}

async function removeDoomed(store: BlobStore, { kind, storageKey }: DoomedKey): Promise<number | undefined> {
  if (kind === 'blob') return store.remove(storageKey);
  const size = await store.uploadSize(storageKey);
  await store.discardUpload(storageKey);
  return size;
}

async function remove(
  key: string,
  work: () => Promise<number | undefined>,
  report: Report,
): Promise<boolean> {
  try {
    report.bytes_freed += (await work()) ?? 0;
    return true;
  } catch (error) {
    addError(report, key, error);
    return false;
  }
}
