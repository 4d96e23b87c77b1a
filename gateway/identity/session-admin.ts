import { type AccountStore, unknownUser } from './account-store.ts';
import { AdminError } from './admin-error.ts';
import { isSame } from './live-rights.ts';
import { type ReadUses, type Use, useOf } from './people-rows.ts';
import { type RefreshTokenRow, RefreshTokenStore } from './refresh-token-store.ts';
import type { UsersDatabase } from './users-database.ts';

/** A device that is logged in: what `docker login` left there is a refresh token. */
export interface SessionRow extends Use {
  id: string;
  user: string;
  /** What the client calls itself. */
  client: string;
  /** Where the login came from. */
  address: string;
  /** Name of the other registry that it is for; absent for this one. */
  service?: string;
  /** RFC 3339. */
  createdAt: string;
  /** RFC 3339; a use before that may move it. */
  expiresAt: string;
}

/** Who is logged in where, for administrators. */
export class SessionAdmin {
  readonly #accounts: AccountStore;
  readonly #store: RefreshTokenStore;
  readonly #service: string;
  readonly #readUses: ReadUses;
  readonly #lifetimeMs: number;

  constructor(database: UsersDatabase, accounts: AccountStore, readUses: ReadUses, lifetimeMs: number) {
    this.#readUses = readUses;
    this.#accounts = accounts;
    this.#store = new RefreshTokenStore(database);
    this.#service = database.connection.prepare('SELECT service FROM installation').pluck().get() as string;
    this.#lifetimeMs = lifetimeMs;
  }

  /** @throws AdminError USER_UNKNOWN */
  list(user?: string): SessionRow[] {
    if (user !== undefined) this.#existing(user);
    const rows = this.#store.list(user).filter((row) => this.#stands(row));
    const key = ({ id }: RefreshTokenRow) => `refresh-token:${id}`;
    const uses = this.#readUses(rows.map(key));
    return rows.map((row) => ({ ...this.#toSession(row), ...useOf(uses.get(key(row))) }));
  }

  /** @throws AdminError SESSION_UNKNOWN */
  revoke(id: string): void {
    if (this.#store.revoke(id)) return;
    throw new AdminError(
      'SESSION_UNKNOWN',
      `there is no session ${JSON.stringify(id)}; see the list of sessions`,
    );
  }

  /** @returns how many there were. @throws AdminError USER_UNKNOWN */
  revokeOf(user: string): number {
    return this.#store.revokeOf(this.#existing(user).id);
  }

  #stands({ account: reference, ageMs }: RefreshTokenRow): boolean {
    const account = this.#accounts.byId(reference.id);
    return account?.enabled === true && isSame(reference, account) && ageMs < this.#lifetimeMs;
  }

  #existing(user: string) {
    const account = this.#accounts.byName(user);
    if (!account) throw unknownUser(user);
    return account;
  }

  #toSession({
    id,
    user,
    clientId,
    clientAddress,
    service,
    createdAt,
    renewedAt,
  }: RefreshTokenRow): Omit<SessionRow, keyof Use> {
    return {
      id,
      user,
      client: clientId,
      address: clientAddress,
      ...(service !== this.#service && { service }),
      createdAt: new Date(createdAt).toISOString(),
      expiresAt: new Date(renewedAt + this.#lifetimeMs).toISOString(),
    };
  }
}
