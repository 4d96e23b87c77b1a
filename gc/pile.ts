import type { Collection } from '../registry-core/metadata/collection.ts';
import type { BlobStore, Removal } from '../registry-core/storage/blob-store.ts';
import { breathe } from './pace.ts';
import { addError, type Report } from './report.ts';

/** Files to remove, in the order of their rows, and the rows that name them. */
export interface Pile<Entry extends { storageKey: string }> {
  /** The next entries, at most so many; none at the end. */
  read(after: Entry | undefined, limit: number): Promise<Entry[]>;
  /** @returns the bytes that were freed; undefined when there was nothing. */
  remove(entry: Entry): Removal;
  /** Is told of each that was removed. */
  removed?(): void;
  /** To be called when the removals are durable. */
  forget(removed: readonly Entry[]): Promise<void>;
}

/** How many entries are read, removed and forgotten together at first. */
const leastEntries = 250;
/** How long a batch may take for the next one to be larger: this process's timers, and a signal, wait for it. */
const largerMs = 250;

export async function sweepPile<Entry extends { storageKey: string }>(
  pile: Pile<Entry>,
  collection: Collection,
  store: BlobStore,
  report: Report,
  signal: AbortSignal | undefined,
): Promise<void> {
  let limit = leastEntries;
  for (let after: Entry | undefined; ; ) {
    const startedAt = performance.now();
    const entries = await pile.read(after, limit);
    if (entries.length === 0) return;
    after = entries.at(-1);
    const removed = await removeAll(pile, entries, report);
    if (await sync(store, report)) await pile.forget(removed);
    await breathe(collection, signal);
    const isQuick = performance.now() - startedAt < largerMs;
    limit = Math.max(leastEntries, Math.min(isQuick ? limit * 2 : limit / 2, await collection.sweepLimit()));
  }
}

/** @returns those that are gone. As many at once as Node has threads for files, where they are not removed directly. */
async function removeAll<Entry extends { storageKey: string }>(
  pile: Pile<Entry>,
  entries: readonly Entry[],
  report: Report,
): Promise<Entry[]> {
  const failed = new Set<Entry>();
  const fail = (entry: Entry, error: unknown) => {
    addError(report, entry.storageKey, error);
    failed.add(entry);
  };
  const count = (bytes = 0) => {
    report.bytes_freed += bytes;
    pile.removed?.();
  };
  const waiting: Promise<void>[] = [];
  for (const entry of entries) {
    try {
      const removal = pile.remove(entry);
      // A promise for each would cost more than the removal.
      if (!(removal instanceof Promise)) count(removal);
      else waiting.push(removal.then(count).catch((error) => fail(entry, error)));
    } catch (error) {
      fail(entry, error);
    }
  }
  await Promise.all(waiting);
  return failed.size === 0 ? [...entries] : entries.filter((entry) => !failed.has(entry));
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
