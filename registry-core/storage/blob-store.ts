import type { Readable } from 'node:stream';
import type { Digest } from '../../oci/digest.ts';

/**
 * Where bytes are kept. Upload sessions speak of it in these words and never of paths; keys are opaque to all but
 * the driver, and none is ever used twice. `test/contract/blob-store.ts` is what every driver passes.
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
  /** Makes a synced upload the file of `key`, durably. Repeating it after a crash is safe. */
  commitUpload(id: string, key: string): Promise<void>;
  discardUpload(id: string): Promise<void>;

  /** Size of the bytes under a key; undefined when there are none. */
  size(key: string): Promise<number | undefined>;
  /**
   * Bytes `start` to `end`, both inclusive.
   * @throws Error ENOENT when there are none under this key.
   */
  read(key: string, start: number, end: number): Promise<Readable>;
  /** How a blob is handed out: a file that the gateway opens, a redirect, or a stream through the core. */
  locate(key: string): BlobLocation;
  /** @returns the bytes that were freed; undefined when there was nothing. */
  remove(key: string): Promise<number | undefined>;
}

export interface UploadFile {
  readonly offset: number;
  append(chunks: readonly Uint8Array[]): Promise<void>;
  /** Cuts off what was appended beyond `offset`. */
  truncate(offset: number): Promise<void>;
  /** Makes what was appended survive power loss. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

export type BlobLocation =
  | { form: 'file'; path: string }
  | { form: 'redirect'; url: string }
  | { form: 'stream' };
