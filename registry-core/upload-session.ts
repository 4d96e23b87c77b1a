import { hash, randomUUID } from 'node:crypto';
import type { Readable } from 'node:stream';
import { algorithmOf, type Digest, type DigestAlgorithm, hexOf } from '../oci/digest.ts';
import { OciError } from '../oci/errors.ts';
import { faultPoint } from '../runtime/fault-points.ts';
import type { RequestContext } from '../runtime/request-context.ts';
import { BlobJournal } from './blob-journal.ts';
import type { OpenSession, Registry, SessionRow } from './metadata/registry.ts';
import { SessionTurns } from './session-turns.ts';
import type { BlobStore } from './storage/blob-store.ts';
import { demandLength } from './upload-body.ts';
import { UploadCommit } from './upload-commit.ts';
import { UploadHashes } from './upload-hashes.ts';
import { UploadReceiver } from './upload-receiver.ts';
import { type WaitingUpload, WaitingUploads } from './waiting-uploads.ts';

/** An upload that is not over by then is not one that soon will be. */
const waitMs = 500;
/** Each takes a descriptor for a moment. */
const recordedAtOnce = 32;

/**
 * Is given the offset before anything is read, and may refuse.
 * @returns how many bytes must come, where the request says so.
 */
export type UploadCheck = (offset: number) => number | undefined;

/**
 * Upload sessions. The row says what a session is, the file has its bytes.
 *
 *   open ──append──▶ open ──close(digest, key)──▶ closing ──commitBlob──▶ (gone, the blob is linked)
 */
export class UploadSessions {
  readonly #registry: Registry;
  readonly #store: BlobStore;
  readonly #turns = new SessionTurns();
  readonly #hashes: UploadHashes;
  readonly #receiver: UploadReceiver;
  readonly #journal: BlobJournal;
  readonly #commit: UploadCommit;
  readonly #waiting = new WaitingUploads();
  #timer: NodeJS.Timeout | undefined;
  #recording: Promise<void> | undefined;

  /** @param expiryMs life of a session that nobody touches; one that receives bytes is renewed in time. */
  constructor(registry: Registry, store: BlobStore, expiryMs: number) {
    this.#registry = registry;
    this.#store = store;
    this.#hashes = new UploadHashes(store);
    this.#receiver = new UploadReceiver(registry, store, this.#hashes, Math.min(expiryMs / 4, 60_000));
    this.#journal = new BlobJournal(registry, store);
    this.#commit = new UploadCommit(registry, store, this.#hashes, this.#journal);
  }

  open(repository: string, algorithm: DigestAlgorithm, context: RequestContext): Promise<SessionRow> {
    return this.#create({ id: randomUUID(), repository, algorithm }, context);
  }

  /** Opens one that is likely to be of a small blob: nothing is stored before it turns out not to be, or takes long. */
  async openWaiting(
    repository: string,
    algorithm: DigestAlgorithm,
    context: RequestContext,
  ): Promise<SessionRow> {
    const session = { id: randomUUID(), repository, algorithm };
    const { actor, requestId, clientAddress } = context;
    const waiting = this.#waiting.open(session, { actor, requestId, clientAddress });
    return waiting?.row() ?? this.#create(session, context);
  }

  async #create(session: OpenSession, context: RequestContext): Promise<SessionRow> {
    const { id, repository, algorithm } = session;
    // The row comes first: no file is ever without a row that names it.
    await this.#registry.openSession(session, context);
    faultPoint('core.session.recorded');
    await this.#store.createUpload(id);
    faultPoint('core.upload.created');
    // Whoever stood still for longer than the session lives (a suspended machine) has made a file without a row.
    if (!(await this.#registry.session(repository, id))) {
      await this.#store.discardUpload(id);
      throw new OciError('BLOB_UPLOAD_UNKNOWN', { message: 'the upload session expired meanwhile' });
    }
    const { actor } = context;
    return {
      id,
      repository,
      algorithm,
      actor,
      state: 'open',
      offset: 0,
      closingDigest: null,
      closingKey: null,
    };
  }

  /** Who opened the session; undefined when there is none. */
  async actor(repository: string, id: string): Promise<string | undefined> {
    const { actor } =
      this.#waiting.find(repository, id)?.context ?? (await this.#registry.session(repository, id)) ?? {};
    return actor;
  }

  /** @throws OciError BLOB_UPLOAD_UNKNOWN */
  async find(repository: string, id: string): Promise<SessionRow> {
    const waiting = this.#waiting.find(repository, id);
    if (waiting) return waiting.row();
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
  append(repository: string, id: string, body: Readable | Uint8Array, check: UploadCheck): Promise<number> {
    return this.#turns.take(id, async () => {
      const waiting = this.#waiting.find(repository, id);
      if (waiting && this.#waiting.takes(waiting, body)) return this.#add(waiting, body, check);
      if (waiting) await this.#record(waiting);
      const session = await this.find(repository, id);
      return this.#receiver.receive(session, body, check(session.offset));
    });
  }

  /**
   * Appends the last bytes, verifies the digest and makes the blob: sync, closing, rename, commit. A session whose
   * digest does not match stays open, so that nothing is lost by a wrong `digest` parameter. Repeating it after a
   * failure between closing and commit (a full disk) is safe.
   * @param body undefined: there is none, which spares the file a visit.
   * @throws OciError DIGEST_INVALID, BLOB_UPLOAD_UNKNOWN
   */
  finish(
    repository: string,
    id: string,
    digest: Digest,
    body: Readable | Uint8Array | undefined,
    check: UploadCheck,
  ): Promise<number> {
    return this.#turns.take(id, async () => {
      const waiting = this.#waiting.find(repository, id);
      if (
        waiting &&
        this.#waiting.takes(waiting, body) &&
        this.#journal.takes(waiting.offset + (body?.length ?? 0))
      ) {
        return this.#finishWaiting(waiting, digest, body, check);
      }
      if (waiting) await this.#record(waiting);
      const closing = await this.#registry.session(repository, id);
      if (closing?.closingDigest === digest && (await this.#commit.complete(closing))) return closing.offset;
      const session = await this.find(repository, id);
      const announced = check(session.offset);
      const size = body
        ? await this.#receiver.receive(session, body, announced, algorithmOf(digest))
        : session.offset;
      const { hash, content } = await this.#hashes.of(session, size, algorithmOf(digest));
      demandDigest(digest, hash.copy().digest('hex'), size);
      await this.#commit.close(session, digest, size, content?.bytes());
      return size;
    });
  }

  cancel(repository: string, id: string): Promise<void> {
    return this.#turns.take(id, async () => {
      const waiting = this.#waiting.find(repository, id);
      if (waiting) return this.#waiting.remove(waiting);
      await this.find(repository, id);
      await this.#discard(id);
    });
  }

  async #discard(id: string): Promise<void> {
    this.#hashes.forget(id);
    // The file goes first: on a full disk the database needs its room to forget the session.
    await this.#store.discardUpload(id);
    faultPoint('core.cancelled.discarded');
    if (!(await this.#registry.cancelSession(id))) return;
    faultPoint('core.cancelled.recorded');
    await this.#store.syncRemovals();
    faultPoint('core.cancelled.synced');
    await this.#registry.forgetDoomed('upload', id);
    faultPoint('core.cancelled.forgotten');
  }

  /**
   * Finishes what a crash left between closing and commit: those bytes were verified and synced, or are in the journal.
   * What power loss took from files whose bytes are there is put back.
   * @returns why some could not be finished now; they stay as they are for the client, the next start, or expiry.
   */
  async recover(): Promise<unknown[]> {
    const ids = await this.#store.uploadIds();
    if (ids.length > 0) await this.#registry.doomStrays(ids);
    return [...(await this.#commit.recover()), ...(await this.#journal.recover())];
  }

  /**
   * From now on uploads that wait for too long are recorded, and files of small blobs made durable now and then.
   * @param onFailure is told why it has to be done again.
   */
  start(onFailure: (error: unknown) => void): void {
    this.#journal.start(onFailure);
    this.#timer = setInterval(() => void this.#recordUntouched(waitMs, onFailure), waitMs / 2).unref();
  }

  /** Makes the files of small blobs durable now. */
  settle(): Promise<void> {
    return this.#journal.settle();
  }

  /** Nothing waits any more when this resolves. @param onFailure is told of those that could not be recorded. */
  async close(onFailure: (error: unknown) => void = () => {}): Promise<void> {
    clearInterval(this.#timer);
    await this.#recording;
    await this.#recordUntouched(0, onFailure);
    await this.#journal.close();
  }

  /** As `receive` does for one that is recorded. */
  #add(upload: WaitingUpload, body: Uint8Array | undefined, check: UploadCheck): number {
    const announced = check(upload.offset);
    if (body) {
      demandLength(body, announced);
      this.#waiting.add(upload, body);
    }
    return upload.offset;
  }

  async #finishWaiting(
    upload: WaitingUpload,
    digest: Digest,
    body: Uint8Array | undefined,
    check: UploadCheck,
  ): Promise<number> {
    const size = this.#add(upload, body, check);
    demandDigest(digest, hash(algorithmOf(digest), upload.bytes), size);
    await this.#commit.closeWaiting(upload, digest, () => this.#waiting.remove(upload));
    return size;
  }

  /** Gives it row and file after all. Where that fails half-way it is gone: nobody could tell what of it is there. */
  async #record(upload: WaitingUpload): Promise<void> {
    const { session, context, bytes } = upload;
    const row = await this.#create(session, context).catch(async (error) => {
      if (await this.#registry.cancelSession(session.id)) this.#waiting.remove(upload);
      throw error;
    });
    this.#waiting.remove(upload);
    if (bytes.length === 0) return;
    await this.#receiver.receive(row, bytes, bytes.length).catch(async (error) => {
      await this.#discard(session.id).catch(() => undefined);
      throw error;
    });
  }

  /** One pass at a time: what a slow disk holds up is not to be asked for again and again. */
  #recordUntouched(ms: number, onFailure: (error: unknown) => void): Promise<void> {
    this.#recording ??= this.#recordAll(ms, onFailure).finally(() => {
      this.#recording = undefined;
    });
    return this.#recording;
  }

  async #recordAll(ms: number, onFailure: (error: unknown) => void): Promise<void> {
    const uploads = this.#waiting.untouched(ms).map(({ session }) => session);
    while (uploads.length > 0) {
      // One that is busy is being looked after.
      const idle = uploads.splice(0, recordedAtOnce).filter(({ id }) => !this.#turns.isBusy(id));
      const recorded = idle.map(({ id, repository }) =>
        this.#turns.take(id, async () => {
          const upload = this.#waiting.find(repository, id);
          if (upload) await this.#record(upload);
        }),
      );
      await Promise.all(recorded.map((one) => one.catch(onFailure)));
    }
  }

  /** The smaller of row and file: after a crash either may be behind. */
  async #offset(session: SessionRow): Promise<number> {
    const known = this.#hashes.offset(session.id);
    if (known !== undefined) return known;
    const size = await this.#store.uploadSize(session.id);
    if (size === undefined) {
      throw new OciError('BLOB_UPLOAD_UNKNOWN', { message: 'the upload’s bytes are gone; start a new one' });
    }
    return Math.min(session.offset, size);
  }
}

/** @throws OciError DIGEST_INVALID */
function demandDigest(digest: Digest, actualHex: string, bytes: number): void {
  if (actualHex === hexOf(digest)) return;
  throw new OciError('DIGEST_INVALID', {
    message: 'the digest does not match the bytes received; the upload session stays open',
    detail: { digest, received: `${algorithmOf(digest)}:${actualHex}`, bytes },
  });
}
