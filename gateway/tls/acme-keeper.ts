import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import {
  acmeAccountKey,
  acmePaths,
  certificateNames,
  loadKeyPair,
  orderCertificate,
  renewalTime,
  saveAcmePair,
} from '../../certs/index.ts';
import { type BackOff, backOffMs } from '../../runtime/back-off.ts';
import { dataPaths } from '../../runtime/config.ts';
import type { Config } from '../../runtime/config-schema.ts';
import type { Log } from '../../runtime/log.ts';
import { AcmeChallenges } from './acme-challenges.ts';

/** What is told of it in `status`. */
export interface AcmeState {
  names: readonly string[];
  /** Failed attempts since the last certificate. */
  failures: number;
  fault: string | null;
  /** ISO 8601: of the next look; null: none is planned. */
  nextAttempt: string | null;
}

const hour = 3_600_000;
const longestWaitMs = 12 * hour;
/** Let's Encrypt counts failed validations, five an hour for each name. */
const defaultBackOff: BackOff = { firstMs: 15 * 60_000, maximumMs: 6 * hour, resetAfterMs: 0 };

/** Gets and renews the certificate by the ACME authority; in one process, however many workers serve it. */
export class AcmeKeeper {
  readonly #config: Config;
  readonly #log: Log;
  readonly #backOff: BackOff;
  readonly #challenges: AcmeChallenges;
  readonly #directory: string;
  readonly #names: readonly string[];
  #timer: NodeJS.Timeout | undefined;
  #attempt: Promise<void> | undefined;
  #closed = false;
  #failures = 0;
  #fault: string | null = null;
  #nextAt: number | undefined;

  constructor(config: Config, log: Log, backOff: BackOff = defaultBackOff) {
    this.#config = config;
    this.#log = log;
    this.#backOff = backOff;
    this.#challenges = new AcmeChallenges(dataPaths(config).acmeChallenges);
    this.#directory = dataPaths(config).acmeCertificates;
    this.#names = config.hostname.filter((name) => isIP(name) === 0);
  }

  /** To be called when requests are served: the authority comes and looks. */
  begin(): void {
    this.#attempt ??= this.#look().finally(() => {
      this.#attempt = undefined;
    });
  }

  /** Does not wait for the next time. */
  retry(): void {
    clearTimeout(this.#timer);
    this.begin();
  }

  state(): AcmeState {
    return {
      names: this.#names,
      failures: this.#failures,
      fault: this.#fault,
      nextAttempt: this.#nextAt === undefined ? null : new Date(this.#nextAt).toISOString(),
    };
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  async #look(): Promise<void> {
    const dueAt = await this.#dueAt();
    if (dueAt > Date.now()) return this.#wait(dueAt - Date.now());
    try {
      await this.#obtain();
      this.#failures = 0;
      this.#fault = null;
      this.#wait(Math.max(1000, (await this.#dueAt()) - Date.now()));
    } catch (error) {
      const pauseMs = backOffMs(this.#failures++, this.#backOff);
      this.#fault = (error as Error).message;
      this.#log.error('no certificate from the ACME authority; it will be asked again', {
        directory: this.#config['tls.acme.directory'],
        names: this.#names,
        failures: this.#failures,
        pauseMs,
        error,
      });
      this.#wait(pauseMs);
    }
  }

  /** When the certificate on disk is to be renewed, in milliseconds since 1970; 0: it will not do. */
  async #dueAt(): Promise<number> {
    const pair = await loadKeyPair(acmePaths(this.#directory)).catch(() => undefined);
    if (!pair) return 0;
    const leaf = new X509Certificate(pair.cert);
    const present = certificateNames(leaf);
    return this.#names.every((name) => present.includes(name)) ? renewalTime(leaf, 0) : 0;
  }

  async #obtain(): Promise<void> {
    const config = this.#config;
    const rootFile = config['tls.acme.ca'];
    await this.#challenges.clear();
    const pair = await orderCertificate({
      directoryUrl: config['tls.acme.directory'],
      rootPem: rootFile === '' ? undefined : await readFile(rootFile, 'utf8'),
      emails: config['tls.acme.email'],
      names: this.#names,
      challenge: config['tls.acme.challenge'],
      accountKeyPem: await acmeAccountKey(this.#directory),
      put: (challenge) => this.#challenges.put(challenge),
      remove: (challenge) => this.#challenges.remove(challenge),
    });
    await saveAcmePair(this.#directory, pair);
    const { validToDate } = new X509Certificate(pair.cert);
    this.#log.info('the ACME authority issued a certificate', {
      names: this.#names,
      notAfter: validToDate.toISOString(),
    });
  }

  #wait(ms: number): void {
    if (this.#closed) return;
    const waitMs = Math.min(ms, longestWaitMs);
    this.#nextAt = Date.now() + waitMs;
    this.#timer = setTimeout(() => this.begin(), waitMs).unref();
  }
}
