import type { Collection } from '../registry-core/metadata/collection.ts';
import type { BlobStore } from '../registry-core/storage/blob-store.ts';
import { breathe } from './pace.ts';
import { addError, type Report } from './report.ts';

/** Files to remove, in the order of their rows, and the rows that name them. */
export interface Pile<Entry extends { storageKey: string }> {
  /** The next batch; empty at the end. */
  read(after: Entry | undefined): Promise<Entry[]>;
  /** @returns the bytes that were freed; undefined when there was nothing. */
  remove(entry: Entry): Promise<number | undefined>;
  /** To be called when the removals are durable. */
  forget(removed: readonly Entry[]): Promise<void>;
}

/** Entries that are read, removed and forgotten together: few enough for a transaction of some milliseconds. */
export const batch = 250;

export async function sweepPile<Entry extends { storageKey: string }>(
  pile: Pile<Entry>,
  collection: Collection,
  store: BlobStore,
  report: Report,
  signal: AbortSignal | undefined,
): Promise<void> {
  for (let after: Entry | undefined; ; ) {
    const entries = await pile.read(after);
    if (entries.length === 0) return;
    after = entries.at(-1);
    // As many at once as Node has threads for files.
    const isRemoved = await Promise.all(
      entries.map((entry) => remove(entry.storageKey, () => pile.remove(entry), report)),
    );
    if (await sync(store, report)) await pile.forget(entries.filter((_, index) => isRemoved[index]));
    await breathe(collection, signal);
  }
}

/** @returns false when power loss may bring the files back: then the rows that name them stay. */
async function sync(store: BlobStore, report: Report): Promise<boolean> {
  try {
    await store.syncRemovals();
    return true;
  } catch (error) {
    addError(report, 'directories of removed files', error);
    return false;
  }
}

async function remove(
  key: string,
  work: () => Promise<number | undefined>,
  report: Report,
): Promise<boolean> {
  try {
    const bytes = (await work()) ?? 0;
    report.bytes_freed += bytes;
    return true;
  } catch (error) {
    addError(report, key, error);
    return false;
  }
}
