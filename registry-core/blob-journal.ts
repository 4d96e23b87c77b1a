import { buffer } from 'node:stream/consumers';
import { faultPoint } from '../runtime/fault-points.ts';
import type { JournalEntry } from './metadata/journal.ts';
import type { Registry } from './metadata/registry.ts';
import type { BlobStore } from './storage/blob-store.ts';

export const maxJournaledBytes = 64 * 1024;
/** Of all blobs in the journal; beyond it uploads are synced one by one. */
const maxHeldBytes = 64 * 1024 * 1024;
/** Entries are settled when they are as old, up to twice that: by then the system has written most files by itself. */
const settleMs = 30_000;
const batchLength = 50;

type JournalRows = Pick<
  Registry,
  'journal' | 'journalEnd' | 'journaledContent' | 'markRestored' | 'forgetJournaled'
>;

/**
 * A small blob's bytes go into the log of the database with the closing of its session: one sync for bytes and row, and
 * for all clients that close at the same time. Its file is written at once, since pulls read it, but synced only later
 * (`settle`); until then the core's start makes it again where power loss took it.
 */
export class BlobJournal {
  readonly #registry: JournalRows;
  readonly #store: BlobStore;
  readonly #placing = new Set<string>();
  #heldBytes = 0;
  #timer: NodeJS.Timeout | undefined;
  #settling: Promise<void> | undefined;
  #isClosing = false;

  constructor(registry: JournalRows, store: BlobStore) {
    this.#registry = registry;
    this.#store = store;
  }

  takes(bytes: number): boolean {
    return bytes <= maxJournaledBytes && this.#heldBytes + bytes <= maxHeldBytes;
  }

  /** To be called when the entry is there. */
  added(bytes: number): void {
    this.#heldBytes += bytes;
  }

  /**
   * Runs what makes the entry of this key, and then its file. Until that has ended the entry stays: should the session
   * expire meanwhile (a suspended machine), it alone names the file.
   */
  async placing(key: string, work: () => Promise<void>): Promise<void> {
    this.#placing.add(key);
    try {
      await work();
    } finally {
      this.#placing.delete(key);
    }
  }

  /** Settles from now on by itself, first what is there. @param onFailure is told why it has to be tried again. */
  start(onFailure: (error: unknown) => void): void {
    let until = Number.MAX_SAFE_INTEGER;
    const pass = async () => {
      const end = await this.#registry.journalEnd();
      await this.settle(this.#heldBytes > maxHeldBytes / 2 ? end : until);
      until = end;
    };
    const run = () => {
      this.#settling ??= pass()
        .catch(onFailure)
        .finally(() => {
          this.#settling = undefined;
        });
    };
    this.#timer = setInterval(run, settleMs).unref();
    run();
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    clearInterval(this.#timer);
    await this.#settling;
  }

  /** Makes the files of entries durable, up to this one, and forgets the entries. */
  async settle(until = Number.MAX_SAFE_INTEGER): Promise<void> {
    for (let after = 0; !this.#isClosing; ) {
      const entries = await this.#registry.journal(after, batchLength);
      const due = entries.filter(({ id, key }) => id <= until && !this.#placing.has(key));
      if (due.length > 0) await this.#settleBatch(due);
      after = entries.at(-1)?.id ?? until;
      if (entries.length < batchLength || after >= until) return;
    }
  }

  /** @returns why some could not be put back; they are tried again when they are settled. */
  async recover(): Promise<unknown[]> {
    const failures: unknown[] = [];
    for (let after = 0; ; ) {
      const entries = await this.#registry.journal(after, batchLength);
      for (const entry of entries) {
        this.added(entry.size);
        await this.#recoverOne(entry).catch((error) => failures.push(error));
      }
      if (entries.length < batchLength) return failures;
      after = entries.at(-1)!.id;
    }
  }

  /** Writes the file of `key` anew, durably. Who reads the one that was there goes on reading that. */
  async restore(session: string, key: string, content: Uint8Array): Promise<void> {
    await this.#store.createUpload(session);
    const file = await this.#store.openUpload(session, 0);
    try {
      await file.append([content]);
      await file.sync();
    } finally {
      await file.close();
    }
    await this.#store.commitUpload(session, key);
  }

  async #settleBatch(entries: readonly JournalEntry[]): Promise<void> {
    const keys = entries.filter(({ neededBy }) => neededBy === 'blob').map(({ key }) => key);
    // After a failed sync another one proves nothing: the files are written anew.
    const missing = new Set(await this.#store.makeDurable(keys).catch(() => keys));
    const isLost = ({ key, neededBy }: JournalEntry) => neededBy === 'damaged' || missing.has(key);
    for (const entry of entries) {
      if (isLost(entry)) await this.#putBack(entry);
      if (entry.neededBy === 'nothing') await this.#discard(entry);
    }
    await this.#store.syncRemovals();
    faultPoint('core.journal.settled');
    // A blob may have been collected while its file was put back; the next time tells.
    const settled = entries.filter((entry) => entry.neededBy !== 'session' && !isLost(entry));
    await this.#registry.forgetJournaled(settled.map(({ key }) => key));
    faultPoint('core.journal.forgotten');
    for (const { size } of settled) this.#heldBytes -= size;
  }

  async #recoverOne(entry: JournalEntry): Promise<void> {
    if (entry.neededBy === 'damaged') return this.#putBack(entry);
    if (entry.neededBy === 'blob' && !(await this.#isWhole(entry))) await this.#putBack(entry);
  }

  /** Power loss may leave a file of the right size with other bytes. */
  async #isWhole({ key, size }: JournalEntry): Promise<boolean> {
    if ((await this.#store.size(key)) !== size) return false;
    if (size === 0) return true;
    const content = await this.#registry.journaledContent(key);
    return (await buffer(await this.#store.read(key, 0, size - 1))).equals(content!);
  }

  async #putBack({ session, key }: JournalEntry): Promise<void> {
    const content = await this.#registry.journaledContent(key);
    await this.restore(session, key, content!);
    await this.#registry.markRestored(key);
  }

  /** What a crash in the middle of a restoration may have left is named here alone. */
  async #discard({ session, key }: JournalEntry): Promise<void> {
    await this.#store.discardUpload(session);
    await this.#store.remove(key);
  }
}
