import type { Readable } from 'node:stream';
import { OciError } from '../oci/errors.ts';
import { faultPoint } from '../runtime/fault-points.ts';
import { GatheredWrites } from './gathered-writes.ts';
import type { Registry, SessionRow } from './metadata/registry.ts';
import { SmallContent } from './small-content.ts';
import type { BlobStore, UploadFile } from './storage/blob-store.ts';
import { eachChunk } from './upload-body.ts';
import type { HashState, UploadHashes } from './upload-hashes.ts';

/** The way in of an upload's bytes: body → hash → counter → file, then the offset in the row. */
export class UploadReceiver {
  readonly #registry: Registry;
  readonly #store: BlobStore;
  readonly #hashes: UploadHashes;
  readonly #renewMs: number;

  /** @param renewMs after which a session that receives bytes is renewed. */
  constructor(registry: Registry, store: BlobStore, hashes: UploadHashes, renewMs: number) {
    this.#registry = registry;
    this.#store = store;
    this.#hashes = hashes;
    this.#renewMs = renewMs;
  }

  /**
   * Appends the body at the session's offset.
   * @param announced how many bytes must come, where the request says so.
   * @returns the new offset, in bytes.
   */
  async receive(
    session: SessionRow,
    body: Readable | Uint8Array,
    announced: number | undefined,
    algorithm = session.algorithm,
  ): Promise<number> {
    const state = await this.#hashes.of(session, session.offset, algorithm);
    const file = await this.#store.openUpload(session.id, session.offset);
    // Opened at 0, it has no bytes that a crash left.
    if (session.offset === 0) state.content = new SmallContent();
    const pumped = this.#pump({ id: session.id, body, announced }, file, state).catch(async (error) => {
      // On a full disk every byte counts: the database needs some to end this session.
      await file.truncate(session.offset).catch(() => undefined);
      throw error;
    });
    const interrupted = await pumped
      .finally(() => file.close())
      .catch((error) => {
        // The hash has seen bytes that the file may not have; a network file system says so at the close.
        this.#hashes.forget(session.id);
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
    { id, body, announced }: { id: string; body: Readable | Uint8Array; announced: number | undefined },
    file: UploadFile,
    { hash, content }: HashState,
  ): Promise<unknown> {
    const writes = new GatheredWrites(file);
    let renewedAt = performance.now();
    const renew = async () => {
      await writes.flush();
      await this.#advance(id, file.offset);
      renewedAt = performance.now();
    };
    try {
      const interrupted = await eachChunk(body, announced, (chunk) => {
        hash.update(chunk);
        content?.add(chunk);
        const added = writes.add(chunk);
        const isRenewalDue = performance.now() - renewedAt > this.#renewMs;
        return isRenewalDue ? Promise.resolve(added).then(renew) : added;
      }).catch((error) => {
        if ((error as NodeJS.ErrnoException).code !== 'ECONNRESET') throw error;
        return error as Error;
      });
      await writes.flush();
      return interrupted;
    } finally {
      await writes.close();
    }
  }

  async #advance(id: string, offset: number): Promise<void> {
    if (!(await this.#registry.advanceSession(id, offset))) {
      throw new OciError('BLOB_UPLOAD_UNKNOWN', { message: 'the upload session expired meanwhile' });
    }
    faultPoint('core.offset.recorded');
  }
}
