import { X509Certificate } from 'node:crypto';
import { createSecureContext, type SecureContext } from 'node:tls';
import {
  type ClientAuthority,
  certificateNames,
  type KeyPair,
  type KeyPairPaths,
  loadKeyPair,
  renewalTime,
  watchKeyPair,
} from '../../certs/index.ts';
import type { Log } from '../../runtime/log.ts';
import { contextOptions } from './server-options.ts';

export type PairSource = 'own' | 'files' | 'acme';

export interface PairOptions {
  paths: KeyPairPaths;
  source: PairSource;
  log: Log;
  /** Whether it may be missing for now. */
  optional?: boolean;
  onChange(): void;
}

/** What is told of a pair: in `status`, in metrics. */
export interface PairState {
  source: PairSource;
  certificatePath: string;
  names: readonly string[];
  /** ISO 8601; null: there is none yet. */
  notAfter: string | null;
  /** Why the files that are there now are not served; the pair from before is. */
  fault: string | null;
}

/** A certificate with its key as they are served now; the files are watched, and what is bad in them is left. */
export class ServedPair {
  readonly source: PairSource;
  readonly #options: PairOptions;
  readonly #watch: { close(): void };
  #pair: KeyPair | undefined;
  #leaf: X509Certificate | undefined;
  #names: readonly string[] = [];
  #context: SecureContext | undefined;
  #fault: string | null = null;

  private constructor(options: PairOptions, pair: KeyPair | undefined) {
    this.source = options.source;
    this.#options = options;
    if (pair) this.#take(pair);
    this.#watch = watchKeyPair(options.paths, {
      current: pair,
      onChange: (next) => this.#serve(next),
      onError: (error) => this.#keep(error),
    });
  }

  /** @throws CertificateError, except for what is optional. */
  static async open(options: PairOptions): Promise<ServedPair> {
    const pair = options.optional
      ? await loadKeyPair(options.paths).catch(() => undefined)
      : await loadKeyPair(options.paths);
    return new ServedPair(options, pair);
  }

  get pair(): KeyPair | undefined {
    return this.#pair;
  }

  /** The server's own certificate, the first of the chain. */
  get leaf(): X509Certificate | undefined {
    return this.#leaf;
  }

  get names(): readonly string[] {
    return this.#names;
  }

  /** From when it should have been renewed, in milliseconds since 1970. */
  get renewAt(): number {
    // Only our own certificates begin a day before they are made.
    return this.source === 'own' ? renewalTime(this.#leaf!) : renewalTime(this.#leaf!, 0);
  }

  /** @param clients whose client certificates are taken; a new one takes reset(). */
  context(clients: ClientAuthority | undefined): SecureContext | undefined {
    if (this.#pair) this.#context ??= createSecureContext(contextOptions(this.#pair, clients));
    return this.#context;
  }

  reset(): void {
    this.#context = undefined;
  }

  /** Looks at once, rather than when the watch notices. */
  async reload(): Promise<void> {
    try {
      this.#serve(await loadKeyPair(this.#options.paths));
    } catch (error) {
      if (!this.#options.optional || this.#pair) this.#keep(error as Error);
    }
  }

  state(): PairState {
    return {
      source: this.source,
      certificatePath: this.#options.paths.certificatePath,
      names: this.#names,
      notAfter: this.#leaf?.validToDate.toISOString() ?? null,
      fault: this.#fault,
    };
  }

  close(): void {
    this.#watch.close();
  }

  #serve(next: KeyPair): void {
    this.#fault = null;
    if (next.cert === this.#pair?.cert && next.key === this.#pair.key) return;
    this.#take(next);
    const { certificatePath } = this.#options.paths;
    this.#options.log.info('serving a new certificate', { certificate: certificatePath });
    this.#options.onChange();
  }

  #take(pair: KeyPair): void {
    this.#pair = pair;
    this.#leaf = new X509Certificate(pair.cert);
    this.#names = certificateNames(this.#leaf);
    this.#context = undefined;
  }

  #keep(error: Error): void {
    if (error.message === this.#fault) return;
    this.#fault = error.message;
    this.#options.log.error('the new certificate cannot be served, the old one stays', { error });
  }
}
