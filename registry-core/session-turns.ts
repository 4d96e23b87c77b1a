import { setTimeout as delay } from 'node:timers/promises';
import { OciError } from '../oci/errors.ts';

/** How long a request waits for an earlier one of its session, which may be a client's that went away. */
const busyWaitMs = 5000;
const pollMs = 20;

/** One request at a time per upload session; a second one waits a little, since clients retry before we see them go. */
export class SessionTurns {
  readonly #busy = new Set<string>();

  isBusy(id: string): boolean {
    return this.#busy.has(id);
  }

  /** @throws OciError BLOB_UPLOAD_INVALID (409) when the session stays busy. */
  async take<Result>(id: string, work: () => Promise<Result>): Promise<Result> {
    const deadline = performance.now() + busyWaitMs;
    while (this.#busy.has(id)) {
      if (performance.now() > deadline) {
        throw new OciError('BLOB_UPLOAD_INVALID', {
          status: 409,
          message: 'another request is writing to this upload session',
          detail: { session: id },
        });
      }
      await delay(pollMs);
    }
    this.#busy.add(id);
    try {
      return await work();
    } finally {
      this.#busy.delete(id);
    }
  }
}
