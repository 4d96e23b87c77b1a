import { createKey } from './jwt.ts';
import { certificateOf, type KeyRow, KeyStore } from './key-store.ts';
import { keyEndsAt } from './signing-keys.ts';
import type { UsersDatabase } from './users-database.ts';

/** A key of tokens. */
export interface SigningKeyRow {
  /** RFC 7638 thumbprint, as in the header of tokens. */
  kid: string;
  /** `verifying`: rotated out, while its tokens still live. */
  state: 'signing' | 'verifying';
  /** RFC 3339. */
  createdAt: string;
  /** RFC 3339; from then on nothing that it signed is accepted. */
  endsAt?: string;
}

/** What other registries need to trust tokens of ours. */
export interface TokenAuthority {
  /** `iss` of the tokens. */
  issuer: string;
  /** PEM: the root of the certificates in their `x5c`. */
  certificate: string;
}

/** The signing keys, for administrators. */
export class KeyAdmin {
  readonly #store: KeyStore;

  constructor(database: UsersDatabase) {
    this.#store = new KeyStore(database);
  }

  /** Those that are accepted, the one that signs first. */
  list(): SigningKeyRow[] {
    return this.#store.list().filter(isCurrent).map(toRow);
  }

  /**
   * Signs with a new key.
   * @param options `revoke`: the tokens of the old one are void at once, instead of living out their time; an authority
   *   is replaced, too, since its key was where the other was.
   * @returns id of the new key; whether there is a new authority, which other registries have to get.
   */
  async rotate({ revoke = false } = {}): Promise<{ kid: string; newAuthority: boolean }> {
    const key = await createKey();
    const known = this.#store.authority();
    const replaced = known && revoke ? await this.#store.newAuthority() : undefined;
    const authority = replaced ?? known;
    const certificate = authority ? await certificateOf(key, authority) : null;
    this.#store.rotate(
      { ...key, certificate },
      { dropOld: (row) => revoke || !isCurrent(row), authority: replaced },
    );
    return { kid: key.kid, newAuthority: replaced !== undefined };
  }

  async authority(): Promise<TokenAuthority> {
    const { certificatePem } = await this.#store.certify();
    return { issuer: this.#store.issuer(), certificate: certificatePem };
  }
}

function isCurrent(row: KeyRow): boolean {
  return Date.now() < (keyEndsAt(row) ?? Number.POSITIVE_INFINITY);
}

function toRow(row: KeyRow): SigningKeyRow {
  const endsAt = keyEndsAt(row);
  return {
    kid: row.kid,
    state: row.state,
    createdAt: new Date(row.createdAt).toISOString(),
    ...(endsAt !== undefined && { endsAt: new Date(endsAt).toISOString() }),
  };
}
