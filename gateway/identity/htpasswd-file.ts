import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Log } from '../../runtime/log.ts';
import { isAtRest, lookAt, readContent, readContentNow, restMs } from './file-look.ts';
import type { HtpasswdCopy } from './htpasswd-copy.ts';
import { type Htpasswd, maxHtpasswdBytes, parseHtpasswd } from './htpasswd-parser.ts';

const maxWaitMs = 150;
const shownFaults = 5;

/** What users.db asks of the htpasswd file. */
export interface HtpasswdSource {
  readonly path: string;
  /** Another value after each change that was taken over. */
  version(): number;
  /** bcrypt; undefined for a name that has no line. */
  hashOf(name: string): string | undefined;
  names(): Iterable<string>;
}

export interface HtpasswdStatus {
  path: string;
  users: number;
  /** RFC 3339; of the content that is in use. */
  loadedAt: string;
  /** Why what the file holds now is not in use, or not all of it. */
  faults: string[];
}

/** Where no file is configured. */
export const noHtpasswd: HtpasswdSource = {
  path: '',
  version: () => 0,
  hashOf: () => undefined,
  names: () => [],
};

/**
 * An htpasswd file as a source of users. Whoever asks about users calls `settle` first: it looks whether the file
 * changed (some µs), so a change counts from the next request on. A new content with a fault is not taken over; the
 * last good one stays, which is kept in a copy: each process of the gateway looks when it has something to do, and may
 * have missed it. Where there is none yet, the good lines of a faulty file are taken.
 */
export class HtpasswdFile implements HtpasswdSource {
  readonly path: string;
  readonly #copy: HtpasswdCopy;
  readonly #log: Log;
  #hashes = new Map<string, string>();
  #version = 0;
  #loadedAt = new Date();
  #faults: string[] = [];
  /** Identity and times of the file at the last reading, and whether any later change must have others. */
  #mark = '';
  #isCertain = false;
  /** Of what the file held at the last reading, and of what is in use. */
  #digest = '';
  #inUse = '';
  #reading: Promise<void> | undefined;

  constructor(path: string, copy: HtpasswdCopy, log: Log) {
    this.path = path;
    this.#copy = copy;
    this.#log = log;
    this.refresh();
  }

  /** Takes over what the file holds at this moment; `settle` is for those who can wait. */
  refresh(): void {
    if (this.#isCurrent()) return;
    const before = lookAt(this.path, maxHtpasswdBytes);
    this.#consider(before.fault ?? readContentNow(this.path));
    this.#mark = before.mark;
    this.#isCertain = isAtRest(before);
  }

  version(): number {
    return this.#version;
  }

  hashOf(name: string): string | undefined {
    return this.#hashes.get(name);
  }

  names(): Iterable<string> {
    return this.#hashes.keys();
  }

  status(): HtpasswdStatus {
    const loadedAt = this.#loadedAt.toISOString();
    return { path: this.path, users: this.#hashes.size, loadedAt, faults: this.#faults };
  }

  /** Takes over what the file holds now; waits a moment where it is just being written. */
  async settle(): Promise<void> {
    // A reading that was under way at the call may have missed the change that this call is about.
    for (let turn = 0; turn < 3 && !this.#isCurrent(); turn++) {
      this.#reading ??= this.#read().finally(() => {
        this.#reading = undefined;
      });
      await this.#reading;
    }
  }

  #isCurrent(): boolean {
    return this.#isCertain && lookAt(this.path, maxHtpasswdBytes).mark === this.#mark;
  }

  async #read(): Promise<void> {
    const deadline = performance.now() + maxWaitMs;
    for (;;) {
      const before = lookAt(this.path, maxHtpasswdBytes);
      // Only a change is waited for: a file whose clock runs ahead must not slow every request.
      if (before.mark !== this.#mark && !isAtRest(before) && performance.now() < deadline) {
        await delay(restMs / 2);
        continue;
      }
      const content = before.fault ?? (await readContent(this.path));
      const isWhole = lookAt(this.path, maxHtpasswdBytes).mark === before.mark;
      if (!isWhole && performance.now() < deadline) continue;
      this.#consider(content);
      this.#mark = before.mark;
      this.#isCertain = isWhole && isAtRest(before);
      return;
    }
  }

  #consider(content: Buffer | Error): void {
    const digest = Buffer.isBuffer(content) ? sha256(content) : content.message;
    if (digest === this.#digest) return;
    this.#digest = digest;
    const { entries, faults } = Buffer.isBuffer(content) ? parse(content) : unreadable(content);
    const kept = faults.length > 0 ? this.#copy.read() : undefined;
    this.#report(faults, kept === undefined && this.#version === 0);
    if (Buffer.isBuffer(content) && faults.length === 0) {
      this.#keep(content);
      this.#use(digest, entries);
    } else if (kept) this.#use(sha256(kept), parse(kept).entries);
    else if (this.#version === 0) this.#use(digest, entries);
  }

  #use(digest: string, entries: Htpasswd['entries']): void {
    if (digest === this.#inUse) return;
    this.#inUse = digest;
    this.#hashes = new Map(entries.map(({ name, hash }) => [name, hash]));
    this.#version += 1;
    this.#loadedAt = new Date();
    this.#log.info('htpasswd file taken over', { path: this.path, users: this.#hashes.size });
  }

  #keep(content: Buffer): void {
    try {
      this.#copy.keep(content);
    } catch (error) {
      this.#log.warn('cannot keep a copy of the htpasswd file', { error });
    }
  }

  #report(faults: string[], isAllThereIs: boolean): void {
    this.#faults = faults.slice(0, shownFaults);
    if (faults.length > shownFaults) this.#faults.push(`and ${faults.length - shownFaults} more`);
    if (faults.length === 0) return;
    const what = isAllThereIs
      ? 'the htpasswd file has faults; only users on its good lines can log in'
      : 'the new htpasswd file has faults; the old content stays in use';
    this.#log.error(what, { path: this.path, faults: this.#faults });
  }
}

interface Content {
  entries: Htpasswd['entries'];
  faults: string[];
}

function parse(content: Buffer): Content {
  const { entries, faults } = parseHtpasswd(content);
  return { entries, faults: faults.map(({ line, message }) => `line ${line}: ${message}`) };
}

function unreadable(error: Error): Content {
  return { entries: [], faults: [error.message] };
}

function sha256(content: Buffer): string {
  return createHash('sha256').update(content).digest('base64');
}
