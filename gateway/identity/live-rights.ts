import { type Account, AccountStore } from './account-store.ts';
import { noRights, type Rights } from './decide.ts';
import { GrantStore } from './grant-store.ts';
import type { Actor } from './types.ts';
import type { UsersDatabase } from './users-database.ts';

/**
 * Accounts and rights as users.db has them now. What was read is kept until the database changes, whichever
 * process changes it, and no longer. Reads block: 2 µs when nothing changed, some 10 µs when something did.
 */
export class LiveRights {
  readonly #database: UsersDatabase;
  readonly #accounts: AccountStore;
  readonly #grants: GrantStore;
  readonly #ownNamespace: boolean;
  #version = '';
  #byName = new Map<string, Account>();
  #byId = new Map<number, Account>();
  #rights = new Map<string, Rights>();

  constructor(database: UsersDatabase, options: { ownNamespace: boolean }) {
    this.#database = database;
    this.#accounts = new AccountStore(database);
    this.#grants = new GrantStore(database);
    this.#ownNamespace = options.ownNamespace;
  }

  accountByName(name: string): Account | undefined {
    this.#refresh();
    return this.#byName.get(name) ?? this.#keep(this.#accounts.byName(name));
  }

  accountById(id: number): Account | undefined {
    this.#refresh();
    return this.#byId.get(id) ?? this.#keep(this.#accounts.byId(id));
  }

  /** Nothing for an account that is unknown, disabled, or no longer the one that was authenticated. */
  rightsOf(actor: Pick<Actor, 'kind' | 'name' | 'account'>): Rights {
    if (actor.kind === 'anonymous') return this.#anonymous();
    const account = this.accountByName(actor.name);
    if (!account?.enabled || (actor.account && !isSame(actor.account, account))) return noRights;
    return this.#cached(`user:${account.name}`, () => ({
      user: true,
      admin: account.admin,
      ownNamespace: this.#ownNamespace ? `${account.name}/**` : undefined,
      // Whoever logs in may do no less than whoever does not.
      grants: [account.name, 'authenticated', 'anonymous'].flatMap((subject) =>
        this.#grants.ofSubject(subject),
      ),
    }));
  }

  #anonymous(): Rights {
    this.#refresh();
    return this.#cached('anonymous', () => ({ ...noRights, grants: this.#grants.ofSubject('anonymous') }));
  }

  #cached(key: string, read: () => Rights): Rights {
    const known = this.#rights.get(key);
    if (known) return known;
    const rights = read();
    this.#rights.set(key, rights);
    return rights;
  }

  /** Only accounts that exist are kept: names are what anybody types. */
  #keep(account: Account | undefined): Account | undefined {
    if (account) {
      this.#byName.set(account.name, account);
      this.#byId.set(account.id, account);
    }
    return account;
  }

  /** The version is read before the rows, so rows are at worst newer than it says. */
  #refresh(): void {
    const version = this.#database.version();
    if (version === this.#version) return;
    this.#version = version;
    this.#byName.clear();
    this.#byId.clear();
    this.#rights.clear();
  }
}

/** Whether the account still is the one, with the credentials, that the reference was made for. */
export function isSame(reference: { id: number; credentialVersion: number }, account: Account): boolean {
  return reference.id === account.id && reference.credentialVersion === account.credentialVersion;
}
