import { createHash, type Hash, randomUUID } from 'node:crypto';
import type { Readable } from 'node:stream';
import { algorithmOf, type Digest, type DigestAlgorithm, hexOf } from '../oci/digest.ts';
import { OciError } from '../oci/errors.ts';
import { faultPoint } from '../runtime/fault-points.ts';
import type { RequestContext } from '../runtime/request-context.ts';
import type { Registry, SessionRow } from './metadata/registry.ts';
import { SessionTurns } from './session-turns.ts';
import type { BlobStore, UploadFile } from './storage/blob-store.ts';
import { chunksOf } from './upload-body.ts';

/** Bytes collected before a write: Node's TLS hands over chunks of at most 16 KiB. */
const writeBytes = 256 * 1024;
const maxHashStates = 1000;

/**
 * Is given the offset before anything is read, and may refuse.
 * @returns how many bytes must come, where the request says so.
 */
export type UploadCheck = (offset: number) => number | undefined;

interface HashState {
  algorithm: DigestAlgorithm;
  hash: Hash;
  offset: number;
}

/**
 * Upload sessions: body → hash → counter → file. The row says what a session is, the file has its bytes; the hash
 * state between two chunks is kept in memory and rebuilt from the file when it is not there (a restart).
 *
 *   open ──append──▶ open ──close(digest, key)──▶ closing ──commitBlob──▶ (gone, the blob is linked)
 */
export class UploadSessions {
  readonly #registry: Registry;
  readonly #store: BlobStore;
  readonly #renewMs: number;
  readonly #turns = new SessionTurns();
  readonly #hashes = new Map<string, HashState>();

  /** @param expiryMs life of a session that nobody touches; one that receives bytes is renewed in time. */
  constructor(registry: Registry, store: BlobStore, expiryMs: number) {
    this.#registry = registry;
    this.#store = store;
    this.#renewMs = Math.min(expiryMs / 4, 60_000);
  }

  async open(repository: string, algorithm: DigestAlgorithm, context: RequestContext): Promise<SessionRow> {
    const id = randomUUID();
    // The row comes first: no file is ever without a row that names it.
    await this.#registry.openSession({ id, repository, algorithm }, context);
    faultPoint('core.session.recorded');
    await this.#store.createUpload(id);
    faultPoint('core.upload.created');
    // Whoever stood still for longer than the session lives (a suspended machine) has made a file without a row.
    if (!(await this.#registry.session(repository, id))) {
      await this.#store.discardUpload(id);
      throw new OciError('BLOB_UPLOAD_UNKNOWN', { message: 'the upload session expired meanwhile' });
    }
    return { id, repository, state: 'open', algorithm, offset: 0, closingDigest: null, closingKey: null };
  }

  /** @throws OciError BLOB_UPLOAD_UNKNOWN */
  async find(repository: string, id: string): Promise<SessionRow> {
    const session = await this.#registry.session(repository, id);
    if (session?.state === 'open') return { ...session, offset: await this.#offset(session) };
    throw new OciError('BLOB_UPLOAD_UNKNOWN', {
      message: session ? 'the upload session is being closed' : 'no such upload session; start a new one',
      detail: { session: id },
    });
  }

  /**
   * The session as a client may go on with it: a write of a client that went away is waited for, since its bytes
   * count. Under a write that goes on, the offset before it is all that is certain.
   */
  async status(repository: string, id: string): Promise<SessionRow> {
    const session = () => this.find(repository, id);
    return this.#turns.take(id, session).catch((error) => {
      if (error instanceof OciError && error.status === 409) return session();
      throw error;
    });
  }

  /**
   * Appends the body at the session's offset. What was written before a client went away stays and counts.
   * @returns the new offset, in bytes.
   */
  append(repository: string, id: string, body: Readable, check: UploadCheck): Promise<number> {
    return this.#turns.take(id, async () => {
      const session = await this.find(repository, id);
      return this.#receive(session, body, check(session.offset));
    });
  }

  /**
   * Appends the last bytes, verifies the digest and makes the blob: sync, closing, rename, commit. A session whose
   * digest does not match stays open, so that nothing is lost by a wrong `digest` parameter. Repeating it after a
   * failure between closing and commit (a full disk) is safe.
   * @throws OciError DIGEST_INVALID, BLOB_UPLOAD_UNKNOWN
   */
  finish(
    repository: string,
    id: string,
    digest: Digest,
    body: Readable,
    check: UploadCheck,
  ): Promise<number> {
    return this.#turns.take(id, async () => {
      const closing = await this.#registry.session(repository, id);
      if (closing?.closingDigest === digest && (await this.#complete(closing))) return closing.offset;
      const session = await this.find(repository, id);
      const size = await this.#receive(session, body, check(session.offset), algorithmOf(digest));
      const { hash } = await this.#hashState(session, size, algorithmOf(digest));
      const actual = hash.copy().digest('hex');
      if (actual !== hexOf(digest)) {
        throw new OciError('DIGEST_INVALID', {
          message: 'the digest does not match the bytes received; the upload session stays open',
          detail: { digest, received: `${algorithmOf(digest)}:${actual}`, bytes: size },
        });
      }
      await this.#close(session, digest, size);
      this.#hashes.delete(id);
      return size;
    });
  }

  cancel(repository: string, id: string): Promise<void> {
    return this.#turns.take(id, async () => {
      await this.find(repository, id);
      this.#hashes.delete(id);
      // The file goes first: on a full disk the database needs its room to forget the session.
      await this.#store.discardUpload(id);
      faultPoint('core.cancelled.discarded');
      if (!(await this.#registry.cancelSession(id))) return;
      faultPoint('core.cancelled.recorded');
      await this.#store.syncRemovals();
      faultPoint('core.cancelled.synced');
      await this.#registry.forgetDoomed('upload', id);
      faultPoint('core.cancelled.forgotten');
    });
  }

  /**
   * Finishes what a crash left between closing and commit: those bytes were verified and synced.
   * @returns why some could not be finished now; they stay as they are for the client, the next start, or expiry.
   */
  async recover(): Promise<unknown[]> {
    const failures: unknown[] = [];
    for (const session of await this.#registry.closingSessions()) {
      try {
        if (!(await this.#complete(session))) await this.#registry.cancelSession(session.id);
      } catch (error) {
        failures.push(error);
      }
    }
    return failures;
  }

  /** The smaller of row and file: after a crash either may be behind. */
  async #offset(session: SessionRow): Promise<number> {
    const state = this.#hashes.get(session.id);
    if (state) return state.offset;
    const size = await this.#store.uploadSize(session.id);
    if (size === undefined) {
      throw new OciError('BLOB_UPLOAD_UNKNOWN', { message: 'the upload’s bytes are gone; start a new one' });
    }
    return Math.min(session.offset, size);
  }

  async #receive(
    session: SessionRow,
    body: Readable,
    announced: number | undefined,
    algorithm = session.algorithm,
  ): Promise<number> {
    const state = await this.#hashState(session, session.offset, algorithm);
    const file = await this.#store.openUpload(session.id, session.offset);
    const pumped = this.#pump(session.id, chunksOf(body, announced), file, state).catch(async (error) => {
      // On a full disk every byte counts: the database needs some to end this session.
      await file.truncate(session.offset).catch(() => undefined);
      throw error;
    });
    const interrupted = await pumped
      .finally(() => file.close())
      .catch((error) => {
        // The hash has seen bytes that the file may not have; a network file system says so at the close.
        this.#hashes.delete(session.id);
        throw error;
      });
    faultPoint('core.upload.appended');
    state.offset = file.offset;
    await this.#advance(session.id, file.offset);
    if (interrupted) throw interrupted;
    return file.offset;
  }

  /** @returns the error with which the body ended early, after all that came was written. */
  async #pump(
    id: string,
    body: AsyncIterable<Uint8Array>,
    file: UploadFile,
    { hash }: HashState,
  ): Promise<unknown> {
    let chunks: Uint8Array[] = [];
    let bytes = 0;
    let renewedAt = performance.now();
    let interrupted: unknown;
    try {
      for await (const chunk of body) {
        hash.update(chunk);
        chunks.push(chunk);
        bytes += chunk.length;
        const isRenewalDue = performance.now() - renewedAt > this.#renewMs;
        if (bytes < writeBytes && !isRenewalDue) continue;
        await file.append(chunks);
        chunks = [];
        bytes = 0;
        if (!isRenewalDue) continue;
        await this.#advance(id, file.offset);
        renewedAt = performance.now();
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ECONNRESET') throw error;
      interrupted = error;
    }
    await file.append(chunks);
    return interrupted;
  }

  async #advance(id: string, offset: number): Promise<void> {
    if (!(await this.#registry.advanceSession(id, offset))) {
      throw new OciError('BLOB_UPLOAD_UNKNOWN', { message: 'the upload session expired meanwhile' });
    }
    faultPoint('core.offset.recorded');
  }

  async #hashState(session: SessionRow, offset: number, algorithm: DigestAlgorithm): Promise<HashState> {
    const known = this.#hashes.get(session.id);
    if (known?.algorithm === algorithm) return known;
    const state = { algorithm, hash: createHash(algorithm), offset };
    if (offset > 0) {
      for await (const chunk of this.#store.readUpload(session.id, offset)) state.hash.update(chunk);
    }
    if (this.#hashes.size >= maxHashStates) this.#hashes.delete(this.#hashes.keys().next().value!);
    this.#hashes.set(session.id, state);
    return state;
  }

  async #close(session: SessionRow, digest: Digest, size: number): Promise<void> {
    const file = await this.#store.openUpload(session.id, size);
    try {
      await file.sync();
    } catch (error) {
      await this.#abandon(session.id);
      throw error;
    } finally {
      await file.close();
    }
    faultPoint('core.upload.synced');
    const key = this.#store.newKey(digest);
    if (!(await this.#registry.closeSession(session.id, digest, key, size))) {
      throw new OciError('BLOB_UPLOAD_UNKNOWN', { message: 'the upload session expired meanwhile' });
    }
    faultPoint('core.closing.recorded');
    await this.#commit(session.id, digest, key, size);
  }

  /**
   * Ends a session after a failed sync. Another sync would succeed even where the system has dropped the bytes, so
   * none of them can be trusted: the client starts anew. Without the row or without the file nobody finishes it, and
   * the other is left to the collector.
   */
  async #abandon(id: string, key?: string): Promise<void> {
    this.#hashes.delete(id);
    const files = [this.#store.discardUpload(id), ...(key === undefined ? [] : [this.#store.remove(key)])];
    await Promise.allSettled([...files, this.#registry.cancelSession(id)]);
  }

  /** Commits a session that is closing. @returns false when it has lost bytes. */
  async #complete({ id, closingDigest, closingKey, offset }: SessionRow): Promise<boolean> {
    const here = (await this.#store.uploadSize(id)) ?? (await this.#store.size(closingKey!));
    if (here !== offset) return false;
    await this.#commit(id, closingDigest!, closingKey!, offset);
    this.#hashes.delete(id);
    return true;
  }

  async #commit(id: string, digest: Digest, key: string, size: number): Promise<void> {
    await this.#store.commitUpload(id, key).catch(async (error) => {
      const isRenamed = (await this.#store.uploadSize(id).catch(() => undefined)) === undefined;
      if (isRenamed) await this.#abandon(id, key);
      throw error;
    });
    faultPoint('core.directory.synced');
    const stored = await this.#registry.storedBlob(digest);
    // A file under the old key is trusted only as far as its size; anything else is healed by the new bytes.
    const whole = stored?.storageKey && (await this.#sizeOrNothing(stored.storageKey)) === size;
    const brokenKey = whole ? undefined : stored?.storageKey;
    const commit = this.#registry.commitBlob({ session: id, digest, size, key, brokenKey });
    const { displaced } = await commit.catch(async (error) => {
      // The session expired, and its files may have been swept before this one had its name.
      if (error instanceof OciError) await this.#store.remove(key).catch(() => undefined);
      throw error;
    });
    faultPoint('core.blob.committed');
    if (displaced === undefined) return;
    // The blob is committed; a file that could not be removed keeps the name under which the collector finds it.
    await this.#removeDisplaced(displaced).catch(() => undefined);
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
