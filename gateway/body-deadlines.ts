import type { IncomingMessage } from 'node:http';
import { type ErrorCode, OciError } from '../oci/errors.ts';
import type { Config } from '../runtime/config-schema.ts';

type Settings = Pick<
  Config,
  'timeouts.body_idle' | 'timeouts.min_rate' | 'timeouts.body' | 'timeouts.manifest'
>;

export interface WatchedBody {
  /** Rejects with an OciError (408) when the body is too slow; never resolves. */
  late: Promise<never>;
  /** To be called when the answer is there, or nobody waits for it any more. */
  stop(): void;
}

interface Entry {
  request: IncomingMessage;
  endsAt: number;
  /** Milliseconds that the body may yet fall behind. */
  creditMs: number;
  bytesSeen: number;
  refuse(message: string): void;
}

const maxTickMs = 1000;

/**
 * Cuts off who sends a body by drops, and nobody who sends it over a thin line. Each body has a credit of time. A second
 * in which we wait costs a second, each byte gives back what it may take at the least rate, and the credit is never more
 * than at the beginning: so a burst buys no pause, and a pause is made up for by what comes after it.
 */
export class BodyDeadlines {
  readonly #settings: Settings;
  readonly #entries = new Set<Entry>();
  readonly #timer: NodeJS.Timeout;
  #tickedAt = performance.now();

  constructor(settings: Settings) {
    this.#settings = settings;
    const tickMs = Math.min(maxTickMs, settings['timeouts.body_idle'] / 4);
    this.#timer = setInterval(() => this.#tick(), tickMs).unref();
  }

  watch(request: IncomingMessage, kind: 'manifest' | 'upload'): WatchedBody {
    const totalMs = this.#settings[kind === 'manifest' ? 'timeouts.manifest' : 'timeouts.body'];
    const { promise: late, reject } = Promise.withResolvers<never>();
    // Whoever stops watching does not wait for it.
    late.catch(() => {});
    const code = kind === 'manifest' ? 'MANIFEST_INVALID' : 'BLOB_UPLOAD_INVALID';
    const entry: Entry = {
      request,
      endsAt: performance.now() + totalMs,
      creditMs: this.#settings['timeouts.body_idle'],
      bytesSeen: request.socket.bytesRead,
      refuse: (message) => reject(tooSlow(code, message)),
    };
    this.#entries.add(entry);
    return { late, stop: () => void this.#entries.delete(entry) };
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #tick(): void {
    const now = performance.now();
    const passedMs = now - this.#tickedAt;
    this.#tickedAt = now;
    for (const entry of this.#entries) {
      const message = this.#fault(entry, now, passedMs);
      if (message === undefined) continue;
      this.#entries.delete(entry);
      entry.refuse(message);
    }
  }

  #fault(entry: Entry, now: number, passedMs: number): string | undefined {
    const { request } = entry;
    if (request.complete || request.destroyed) {
      this.#entries.delete(entry);
      return undefined;
    }
    if (now > entry.endsAt) return 'the body took too long';
    const { bytesRead } = request.socket;
    const bytes = bytesRead - entry.bytesSeen;
    entry.bytesSeen = bytesRead;
    // It is the core that is slow, or the disk: nothing is read, so nothing can come. Who collects a body listens otherwise.
    if (request.readableFlowing === false && request.listenerCount('readable') === 0) return undefined;
    const idleMs = this.#settings['timeouts.body_idle'];
    const minRate = this.#settings['timeouts.min_rate'];
    const earnedMs = minRate === 0 ? (bytes > 0 ? idleMs : 0) : (bytes / minRate) * 1000;
    entry.creditMs = Math.min(idleMs, entry.creditMs - passedMs + earnedMs);
    return entry.creditMs <= 0 ? 'the body comes too slowly, or not at all' : undefined;
  }
}

function tooSlow(code: ErrorCode, message: string): OciError {
  return new OciError(code, { status: 408, message, headers: { Connection: 'close' } });
}
