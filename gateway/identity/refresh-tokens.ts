import { type RefreshTokenRow, RefreshTokenStore } from './refresh-token-store.ts';
import { hashSecret, makeSecret, publicId, secretKind } from './secret-format.ts';
import type { AccountReference } from './types.ts';
import type { UsersDatabase } from './users-database.ts';

/** The device that a refresh token is for, as far as it can be told. */
export interface Device {
  clientId: string;
  clientAddress: string;
}

export interface RefreshTokenSettings {
  /** 0: there are none. */
  lifetimeMs: number;
  perUser: number;
}

/**
 * Refresh tokens: opaque, stored hashed, with a life that use prolongs. They are not rotated: docker keeps the first
 * one that it gets for ever (moby#39718). Access tokens that come of one stand and fall with its row.
 */
export class RefreshTokens {
  readonly #database: UsersDatabase;
  readonly #store: RefreshTokenStore;
  readonly #settings: RefreshTokenSettings;
  #version = -1;
  /** By id, of this version of the database. */
  readonly #standing = new Map<string, AccountReference>();

  constructor(database: UsersDatabase, settings: RefreshTokenSettings) {
    this.#database = database;
    this.#store = new RefreshTokenStore(database);
    this.#settings = settings;
  }

  /** @returns undefined where there are none by configuration. */
  issue(
    account: AccountReference,
    service: string,
    device: Device,
  ): { id: string; secret: string } | undefined {
    const { lifetimeMs, perUser } = this.#settings;
    if (lifetimeMs === 0) return undefined;
    const secret = makeSecret('refresh-token');
    const id = publicId(secret);
    this.#store.add(
      { id, tokenHash: hashSecret(secret), account, service, ...device },
      { keep: perUser, lifetimeMs },
    );
    return { id, secret };
  }

  /**
   * The row of a refresh token that is good for the service now. Renewed only when under half of its life is left: a
   * write to users.db makes every process read its rights anew.
   */
  redeem(secret: string, service: string): RefreshTokenRow | undefined {
    if (secretKind(secret) !== 'refresh-token') return undefined;
    const row = this.#store.byHash(hashSecret(secret));
    const { lifetimeMs } = this.#settings;
    if (!row || row.service !== service || row.ageMs >= lifetimeMs) return undefined;
    if (row.ageMs * 2 >= lifetimeMs) this.#store.renew(row.id);
    return row;
  }

  /** Whether a refresh token still is there for these credentials; of one found so, until the database changes. */
  stands(id: string, account: AccountReference): boolean {
    const version = this.#database.version();
    if (version !== this.#version) {
      this.#version = version;
      this.#standing.clear();
    }
    const owner = this.#standing.get(id) ?? this.#store.byId(id)?.account;
    if (!owner) return false;
    this.#standing.set(id, owner);
    return owner.id === account.id && owner.credentialVersion === account.credentialVersion;
  }
}
