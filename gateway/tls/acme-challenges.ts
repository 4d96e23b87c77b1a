import { readFileSync } from 'node:fs';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { AcmeChallenge, KeyPair } from '../../certs/index.ts';
import { writeFileDurably } from '../../runtime/durable-file.ts';

/**
 * Challenges as files under `run/acme/`: one process puts them there, and whichever worker the authority reaches reads
 * them. Names and tokens that come from strangers are looked at before they become a path.
 */
export class AcmeChallenges {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Removes what an earlier run left. */
  async clear(): Promise<void> {
    await rm(this.#directory, { recursive: true, force: true });
    await mkdir(this.#directory, { mode: 0o700 });
  }

  async put(challenge: AcmeChallenge): Promise<void> {
    const text = challenge.type === 'http-01' ? challenge.keyAuthorization : JSON.stringify(challenge.pair);
    await writeFileDurably(this.#pathOf(challenge), text);
  }

  async remove(challenge: AcmeChallenge): Promise<void> {
    await rm(this.#pathOf(challenge), { force: true });
  }

  /** The answer to `/.well-known/acme-challenge/<token>`, undefined where none is under way. */
  async httpAnswer(token: string): Promise<string | undefined> {
    if (!/^[A-Za-z0-9_-]{1,128}$/.test(token)) return undefined;
    return readFile(join(this.#directory, `http-${token}`), 'utf8').catch(() => undefined);
  }

  /** What `acme-tls/1` is answered with for that server name. At once, since the handshake waits for nobody. */
  alpnPair(servername: string): KeyPair | undefined {
    if (!/^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/.test(servername)) return undefined;
    try {
      return JSON.parse(readFileSync(join(this.#directory, `alpn-${servername}`), 'utf8'));
    } catch {
      return undefined;
    }
  }

  #pathOf(challenge: AcmeChallenge): string {
    const name =
      challenge.type === 'http-01' ? `http-${challenge.token}` : `alpn-${challenge.name.toLowerCase()}`;
    if (!/^[A-Za-z0-9_.-]+$/.test(name)) throw new Error(`the authority sent an odd challenge: ${name}`);
    return join(this.#directory, name);
  }
}
