import {
  clockToleranceSeconds,
  createKey,
  importPublicKey,
  importSigningKey,
  type PublicJwk,
  publicJwk,
  type SigningKey,
  type VerifyingKey,
} from './jwt.ts';
import { type KeyRow, KeyStore } from './key-store.ts';
import type { UsersDatabase } from './users-database.ts';

/** The keys of this moment: one signs, all verify. */
export interface KeyRing {
  signing: SigningKey;
  /** Certificate of the signing key, where there is an authority for it. */
  x5c: string[] | undefined;
  /** Undefined for a key that we never had, or that was rotated out longer ago than its tokens live. */
  find(kid: string): VerifyingKey | undefined;
  /** All that verify now. */
  publicKeys(): PublicJwk[];
}

export interface SigningKeyOptions {
  /** Of the tokens that are signed here. */
  tokenLifetimeMs: number;
  /** Makes the authority and the certificate for `x5c` where they are missing. */
  withCertificate: boolean;
}

/** Signing keys in users.db, read again when it changes, so that a rotation needs no restart. */
export class SigningKeys {
  readonly #database: UsersDatabase;
  readonly #store: KeyStore;
  readonly #tokenLifetimeMs: number;
  #version = -1;
  #ring: Promise<KeyRing> | undefined;

  private constructor(database: UsersDatabase, { tokenLifetimeMs }: SigningKeyOptions) {
    this.#database = database;
    this.#store = new KeyStore(database);
    this.#tokenLifetimeMs = tokenLifetimeMs;
  }

  /** Makes the first key when there is none. */
  static async open(database: UsersDatabase, options: SigningKeyOptions): Promise<SigningKeys> {
    const keys = new SigningKeys(database, options);
    const store = keys.#store;
    if (store.list().length === 0) store.addFirst(await createKey());
    if (options.withCertificate) await store.certify();
    await keys.current();
    return keys;
  }

  current(): Promise<KeyRing> {
    const version = this.#database.version();
    if (this.#ring && version === this.#version) return this.#ring;
    this.#version = version;
    this.#ring = this.#load();
    this.#ring.catch(() => {
      this.#ring = undefined;
    });
    return this.#ring;
  }

  async #load(): Promise<KeyRing> {
    const rows = this.#store.list();
    const signing = rows.find(({ state }) => state === 'signing');
    if (!signing) throw new Error('users.db has no signing key');
    // Written before anything is signed, so that whoever rotates knows for how long the key is needed afterwards.
    if (signing.longestLifeMs < this.#tokenLifetimeMs) {
      this.#store.noteLifetime(signing.kid, this.#tokenLifetimeMs);
    }
    const verifying = await Promise.all(rows.map(async (row) => ({ row, key: await importPublicKey(row) })));
    const byKid = new Map(verifying.map((entry) => [entry.key.kid, entry]));
    return {
      signing: await importSigningKey(signing),
      x5c: signing.certificate === null ? undefined : [signing.certificate],
      find: (kid) => {
        const entry = byKid.get(kid);
        return entry && !isOver(entry.row) ? entry.key : undefined;
      },
      publicKeys: () => rows.filter((row) => !isOver(row)).map(publicJwk),
    };
  }
}

/** When a key that was rotated out is no longer accepted, in milliseconds since 1970; undefined for the one that signs. */
export function keyEndsAt({ retiredAt, longestLifeMs }: KeyRow): number | undefined {
  return retiredAt === null ? undefined : retiredAt + longestLifeMs + clockToleranceSeconds * 1000;
}

function isOver(row: KeyRow): boolean {
  const end = keyEndsAt(row);
  return end !== undefined && Date.now() >= end;
}
