import type { Readable } from 'node:stream';
import type { Digest } from '../../oci/digest.ts';

/** Writes to an upload that begin and end at multiples of this cost the least: disks and file systems have such blocks. */
export const blockBytes = 4096;

/**
 * Where bytes are kept. Upload sessions speak of it in these words and never of paths; keys are opaque but for
 * their digest (key.ts), and none is ever used twice. `test/contract/blob-store.ts` is what every driver passes.
 */
export interface BlobStore {
  /** A key that was never used and never will be. */
  newKey(digest: Digest): string;

  /** Starts an upload with no bytes; an earlier one of that id loses its bytes. */
  createUpload(id: string): Promise<void>;
  /**
   * Opens an upload for writing at `offset`; bytes beyond it (of a crash) are cut off.
   * @throws Error ENOENT when there is no such upload.
   */
  openUpload(id: string, offset: number): Promise<UploadFile>;
  /** Bytes that an upload has; undefined when there is none. */
  uploadSize(id: string): Promise<number | undefined>;
  readUpload(id: string, end: number): Readable;
  /**
   * Makes a synced upload the file of `key`, durably. Repeating it is safe after a crash, and after a failure that
   * left the upload where it was. After a failure that did not, no repetition proves that the name survives power
   * loss: the key is not to be used.
   */
  commitUpload(id: string, key: string): Promise<void>;
  /**
   * Makes an upload the file of `key`. Neither its bytes nor its name need survive power loss before `makeDurable`: what
   * does is kept elsewhere. Repeating it is safe.
   */
  placeUpload(id: string, key: string): Promise<void>;
  /** These bytes as the file of `key`, which need not survive power loss before `makeDurable` either. */
  writeBlob(key: string, bytes: Uint8Array): Promise<void>;
  /**
   * Makes bytes and names of these keys survive power loss. When it fails, none of them is known to.
   * @returns those that are not there.
   */
  makeDurable(keys: readonly string[]): Promise<string[]>;
  /** The uploads that there are. */
  uploadIds(): Promise<string[]>;
  /** @returns the bytes that were freed; undefined when there was nothing. */
  discardUpload(id: string): Promise<number | undefined>;

  /** Size of the bytes under a key; undefined when there are none. */
  size(key: string): Promise<number | undefined>;
  /**
   * Bytes `start` to `end`, both inclusive.
   * @throws Error ENOENT when there are none under this key.
   */
  read(key: string, start: number, end: number): Promise<Readable>;
  /** How a blob is handed out: a file that the gateway opens, a redirect, or a stream through the core. */
  locate(key: string): BlobLocation;
  /**
   * At once where the process may wait for it, since a collection removes many.
   * @returns the bytes that were freed; undefined when there was nothing.
   */
  remove(key: string): Removal;
  /** Every file, in no order; for `gatehouse verify` alone, since it costs a walk over the store. */
  list(): AsyncIterable<StoredFile>;

  /**
   * Moves the bytes of a key into the trash of a day (`2026-11-21`), where only the methods of the trash find them. To
   * be called when key and day are written down: until `syncRemovals` either place may be theirs after power loss.
   * @returns the bytes that moved; undefined when there were none under this key (any more).
   */
  trash(key: string, day: string): Promise<number | undefined>;
  /**
   * The bytes of a key that was put into the trash of this day, or was just going to be.
   * @throws Error ENOENT when they are in neither place.
   */
  readTrashed(key: string, day: string): Promise<Readable>;
  /** Size of the same bytes; undefined when they are in neither place. */
  trashedSize(key: string, day: string): Promise<number | undefined>;
  /** @returns the bytes that were freed; undefined when there was nothing in the trash. */
  removeTrashed(key: string, day: string): Promise<number | undefined>;

  /**
   * Makes all that was removed, discarded and put into the trash before this call survive power loss. The last row
   * that names a file is to go after it: otherwise power loss may bring back a file that no row names.
   */
  syncRemovals(): Promise<void>;
}

export type Removal = number | undefined | Promise<number | undefined>;

/** A file of the store, as `list` finds it. */
export type StoredFile = StoredPlace & {
  /** In bytes. */
  size: number;
  /** When its content or its name changed last, ms since 1970. */
  changedAt: number;
};

export type StoredPlace =
  | { place: 'blob'; key: string }
  | { place: 'upload'; id: string }
  | { place: 'trash'; key: string; day: string }
  /** Not of a form that this store gives, or not to be read (`error`, a code). The path is below the store's root. */
  | { place: 'foreign'; path: string; error?: string };

export interface UploadFile {
  readonly offset: number;
  append(chunks: readonly Uint8Array[]): Promise<void>;
  /** Cuts off what was appended beyond `offset`. */
  truncate(offset: number): Promise<void>;
  /**
   * Makes what was appended survive power loss. After a failure the upload is worth nothing: the system may have
   * dropped the bytes, and another sync would say nothing of it.
   */
  sync(): Promise<void>;
  close(): Promise<void>;
}

export type BlobLocation =
  | { form: 'file'; path: string }
  | { form: 'redirect'; url: string }
  | { form: 'stream' };
