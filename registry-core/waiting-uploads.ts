import type { Readable } from 'node:stream';
import type { RequestContext } from '../runtime/request-context.ts';
import { maxJournaledBytes } from './blob-journal.ts';
import type { OpenSession, SessionRow } from './metadata/registry.ts';

/** Of all of them; beyond either, sessions are recorded when they are opened. */
const maxHeldBytes = 32 * 1024 * 1024;
const maxSessions = 10_000;

/** An upload session that has neither row nor file yet. */
export class WaitingUpload {
  readonly session: OpenSession;
  readonly context: RequestContext;
  touchedAt = performance.now();
  #bytes: Uint8Array = new Uint8Array();

  constructor(session: OpenSession, context: RequestContext) {
    this.session = session;
    this.context = context;
  }

  get bytes(): Uint8Array {
    return this.#bytes;
  }

  get offset(): number {
    return this.#bytes.length;
  }

  /** As it would stand in the store. */
  row(): SessionRow {
    const { actor } = this.context;
    return {
      ...this.session,
      state: 'open',
      offset: this.offset,
      closingDigest: null,
      closingKey: null,
      actor,
    };
  }

  add(bytes: Uint8Array): void {
    this.#bytes = Buffer.concat([this.#bytes, bytes]);
    this.touchedAt = performance.now();
  }
}

/**
 * Upload sessions in memory alone. That of a small blob is over some milliseconds after it was opened: a row that three
 * transactions change and a file that three requests visit would be most of what it costs. Whatever is not over soon,
 * or not small, is recorded (`UploadSessions`). A core that is killed forgets these; their clients start anew.
 */
export class WaitingUploads {
  readonly #uploads = new Map<string, WaitingUpload>();
  #heldBytes = 0;

  /** @returns undefined when there are too many of them. */
  open(session: OpenSession, context: RequestContext): WaitingUpload | undefined {
    if (this.#uploads.size >= maxSessions || this.#heldBytes >= maxHeldBytes) return undefined;
    const upload = new WaitingUpload(session, context);
    this.#uploads.set(session.id, upload);
    return upload;
  }

  /** The one of this id, where it is this repository's. */
  find(repository: string, id: string): WaitingUpload | undefined {
    const upload = this.#uploads.get(id);
    return upload?.session.repository === repository ? upload : undefined;
  }

  /** Whether the upload can wait on with this body at its end: one that is here as a whole, and leaves it small. */
  takes({ offset }: WaitingUpload, body: Readable | Uint8Array | undefined): body is Uint8Array | undefined {
    if (body === undefined) return true;
    if (!(body instanceof Uint8Array)) return false;
    return offset + body.length <= maxJournaledBytes && this.#heldBytes + body.length <= maxHeldBytes;
  }

  add(upload: WaitingUpload, bytes: Uint8Array): void {
    this.#heldBytes += bytes.length;
    upload.add(bytes);
  }

  /** It was recorded, or nobody wants it any more. */
  remove({ session, offset }: WaitingUpload): void {
    if (this.#uploads.delete(session.id)) this.#heldBytes -= offset;
  }

  /** Those that nobody touched for so long. */
  untouched(ms: number): WaitingUpload[] {
    const before = performance.now() - ms;
    return [...this.#uploads.values()].filter(({ touchedAt }) => touchedAt <= before);
  }
}
