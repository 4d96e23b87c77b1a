import type { Digest } from '../oci/digest.ts';
import { OciError } from '../oci/errors.ts';
import { faultPoint } from '../runtime/fault-points.ts';
import type { BlobJournal } from './blob-journal.ts';
import type { CommitBlob, Registry, SessionRow } from './metadata/registry.ts';
import type { BlobStore } from './storage/blob-store.ts';
import type { UploadHashes } from './upload-hashes.ts';
import type { WaitingUpload } from './waiting-uploads.ts';

/** From the last byte of an upload session to its blob; also of one that a crash, or a full disk, left half-way. */
export class UploadCommit {
  readonly #registry: Registry;
  readonly #store: BlobStore;
  readonly #hashes: UploadHashes;
  readonly #journal: BlobJournal;

  constructor(registry: Registry, store: BlobStore, hashes: UploadHashes, journal: BlobJournal) {
    this.#registry = registry;
    this.#store = store;
    this.#hashes = hashes;
    this.#journal = journal;
  }

  /**
   * Sync, closing, rename, commit of the first `size` bytes, whose digest was verified.
   * @param content all of them, where they are few: then the sync of the closing is the only one.
   */
  async close({ id }: SessionRow, digest: Digest, size: number, content?: Uint8Array): Promise<void> {
    const journaled = content && this.#journal.takes(size) ? content : undefined;
    if (!journaled) await this.#sync(id, size);
    const key = this.#store.newKey(digest);
    if (!(await this.#registry.closeSession(id, digest, key, size, journaled))) {
      throw new OciError('BLOB_UPLOAD_UNKNOWN', { message: 'the upload session expired meanwhile' });
    }
    closingRecorded();
    if (journaled) {
      this.#journal.added(size);
      await this.#store.placeUpload(id, key);
    } else await this.#rename(id, key);
    await this.#commit({ session: id, digest, key, size, isJournaled: journaled !== undefined });
  }

  /**
   * The same for one that has neither row nor file yet: the closing is the first that is written of it, and the only sync.
   * @param onClosed is called when it is recorded; what fails then is finished by `complete`.
   */
  async closeWaiting(
    { session, context, bytes }: WaitingUpload,
    digest: Digest,
    onClosed: () => void,
  ): Promise<void> {
    const key = this.#store.newKey(digest);
    const { id } = session;
    const size = bytes.length;
    await this.#journal.placing(key, async () => {
      await this.#registry.closeUnrecorded(session, context, [id, digest, key, size, bytes]);
      this.#journal.added(size);
      onClosed();
      closingRecorded();
      await this.#store.writeBlob(key, bytes);
      await this.#commit({ session: id, digest, key, size, isJournaled: true });
    });
  }

  /** Commits a session that is closing. @returns false when it has lost bytes. */
  async complete({ id, closingDigest, closingKey, offset }: SessionRow): Promise<boolean> {
    const key = closingKey!;
    const content = await this.#registry.journaledContent(key);
    if (content) await this.#journal.restore(id, key, content);
    else {
      const here = (await this.#store.uploadSize(id)) ?? (await this.#store.size(key));
      if (here !== offset) return false;
      await this.#rename(id, key);
    }
    await this.#commit({ session: id, digest: closingDigest!, key, size: offset });
    return true;
  }

  async #sync(id: string, size: number): Promise<void> {
    const file = await this.#store.openUpload(id, size);
    try {
      await file.sync();
    } catch (error) {
      await this.#abandon(id);
      throw error;
    } finally {
      await file.close();
    }
    faultPoint('core.upload.synced');
  }

  async #rename(id: string, key: string): Promise<void> {
    await this.#store.commitUpload(id, key).catch(async (error) => {
      const isRenamed = (await this.#store.uploadSize(id).catch(() => undefined)) === undefined;
      if (isRenamed) await this.#abandon(id, key);
      throw error;
    });
    faultPoint('core.directory.synced');
  }

  /** Every session that is closing, at the start. @returns why some could not be finished. */
  async recover(): Promise<unknown[]> {
    const failures: unknown[] = [];
    for (const session of await this.#registry.closingSessions()) {
      try {
        if (!(await this.complete(session))) await this.#registry.cancelSession(session.id);
      } catch (error) {
        failures.push(error);
      }
    }
    return failures;
  }

  /**
   * Ends a session after a failed sync. Another sync would succeed even where the system has dropped the bytes, so
   * none of them can be trusted: the client starts anew. Without the row or without the file nobody finishes it, and
   * the other is left to the collector.
   */
  async #abandon(id: string, key?: string): Promise<void> {
    this.#hashes.forget(id);
    const files = [this.#store.discardUpload(id), ...(key === undefined ? [] : [this.#removeFile(key)])];
    await Promise.allSettled([...files, this.#registry.cancelSession(id)]);
  }

  async #commit(closed: Omit<CommitBlob, 'brokenKey'>): Promise<void> {
    const { session: id, digest, key, size } = closed;
    const stored = await this.#registry.storedBlob(digest);
    // A file under the old key is trusted only as far as its size; anything else is healed by the new bytes.
    const whole = stored?.storageKey && (await this.#sizeOrNothing(stored.storageKey)) === size;
    const brokenKey = whole ? undefined : stored?.storageKey;
    const commit = this.#registry.commitBlob({ ...closed, brokenKey });
    const { displaced } = await commit.catch(async (error) => {
      // The session expired, and its files may have been swept before this one had its name.
      if (error instanceof OciError) await this.#removeFile(key).catch(() => undefined);
      throw error;
    });
    faultPoint('core.blob.committed');
    this.#hashes.forget(id);
    if (displaced === undefined) return;
    // The blob is committed; a file that could not be removed keeps the name under which the collector finds it.
    await this.#removeDisplaced(displaced).catch(() => undefined);
  }

  async #removeFile(key: string): Promise<void> {
    await this.#store.remove(key);
  }

  /** The collector would remove it as well; a push that brings nothing new should not cost disk until then. */
  async #removeDisplaced(key: string): Promise<void> {
    await this.#store.remove(key);
    faultPoint('core.displaced.removed');
    await this.#store.syncRemovals();
    faultPoint('core.displaced.synced');
    await this.#registry.forgetDoomed('blob', key);
    faultPoint('core.displaced.forgotten');
  }

  async #sizeOrNothing(key: string): Promise<number | undefined> {
    return this.#store.size(key).catch(() => undefined);
  }
}

/** Whichever transaction it was. */
function closingRecorded(): void {
  faultPoint('core.closing.recorded');
}
