import { createHash, type Hash } from 'node:crypto';
import type { DigestAlgorithm } from '../oci/digest.ts';
import type { SessionRow } from './metadata/registry.ts';
import type { SmallContent } from './small-content.ts';
import type { BlobStore } from './storage/blob-store.ts';

const maxHashStates = 1000;

/** A hash that has seen the first `offset` bytes of a session. */
export interface HashState {
  algorithm: DigestAlgorithm;
  hash: Hash;
  offset: number;
  /** All bytes so far, as long as they are few and it is sure that the file has them and no others. */
  content: SmallContent | undefined;
}

/**
 * The hashes of sessions between two chunks. They are kept in memory, and made again from the file where one is not
 * there: after a restart, for another algorithm, or when there were too many.
 */
export class UploadHashes {
  readonly #store: BlobStore;
  readonly #states = new Map<string, HashState>();

  constructor(store: BlobStore) {
    this.#store = store;
  }

  /** In bytes; undefined where nothing is known of the session. */
  offset(id: string): number | undefined {
    return this.#states.get(id)?.offset;
  }

  async of(session: SessionRow, offset: number, algorithm: DigestAlgorithm): Promise<HashState> {
    const known = this.#states.get(session.id);
    if (known?.algorithm === algorithm) return known;
    const state: HashState = { algorithm, hash: createHash(algorithm), offset, content: undefined };
    if (offset > 0) {
      for await (const chunk of this.#store.readUpload(session.id, offset)) state.hash.update(chunk);
    }
    if (this.#states.size >= maxHashStates) this.#states.delete(this.#states.keys().next().value!);
    this.#states.set(session.id, state);
    return state;
  }

  forget(id: string): void {
    this.#states.delete(id);
  }
}
