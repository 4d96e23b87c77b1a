import { rm } from 'node:fs/promises';
import { isRepository } from '../../oci/reference.ts';
import { dataPaths } from '../../runtime/config.ts';
import type { Config } from '../../runtime/config-schema.ts';
import type { Admin, GrantRow, UserRow } from '../admin.ts';
import { credentialUses } from '../credential-uses.ts';
import { type Account, AccountStore, unknownUser } from './account-store.ts';
import { ActingAdmin } from './acting-admin.ts';
import { AdminError } from './admin-error.ts';
import { decide } from './decide.ts';
import { GrantStore } from './grant-store.ts';
import { Granting } from './granting.ts';
import { type ImportLine, type ImportOptions, importHtpasswd } from './htpasswd-import.ts';
import { htpasswdNow } from './htpasswd-now.ts';
import { KeyAdmin, type SigningKeyRow, type TokenAuthority } from './key-admin.ts';
import { LiveRights } from './live-rights.ts';
import { checkNewPassword } from './new-password.ts';
import { PasswordPool } from './password-pool.ts';
import { PeopleAdmin } from './people-admin.ts';
import { unknownToken } from './personal-token-store.ts';
import { checkActions, checkUserName } from './rules.ts';
import { SessionAdmin, type SessionRow } from './session-admin.ts';
import { readSubject } from './subjects.ts';
import { templatesOf } from './template-grants.ts';
import type { Action, Actor, Decision } from './types.ts';
import type { UsersDatabase } from './users-database.ts';

const firstAdmin = 'admin';

export class UsersAdmin extends PeopleAdmin implements Admin {
  readonly #config: Config;
  readonly #database: UsersDatabase;
  readonly #accounts: AccountStore;
  readonly #grants: GrantStore;
  readonly #sessions: SessionAdmin;
  readonly #granting: Granting;
  readonly #rights: LiveRights;
  readonly #keys: KeyAdmin;
  readonly #passwords = new PasswordPool({ threads: 1 });

  constructor(config: Config, database: UsersDatabase) {
    const htpasswd = htpasswdNow(config);
    const accounts = new AccountStore(database, htpasswd);
    const uses = credentialUses(config);
    super(database, accounts, uses);
    this.#config = config;
    this.#database = database;
    this.#accounts = accounts;
    this.#granting = new Granting(database, accounts);
    this.#rights = new LiveRights(database, { templates: templatesOf(config), htpasswd });
    this.#grants = new GrantStore(database);
    this.#keys = new KeyAdmin(database);
    this.#sessions = new SessionAdmin(database, accounts, uses, config['auth.refresh_lifetime']);
  }

  async ensureFirstAdmin(makePassword: () => string): Promise<{ created: boolean; password?: string }> {
    if (!this.#accounts.isEmpty()) return { created: false };
    const password = makePassword();
    const created = this.#accounts.addFirst(firstAdmin, await this.#hash(firstAdmin, password));
    return created ? { created, password } : { created };
  }

  async addUser(name: string, password: string, options: { admin?: boolean } = {}): Promise<void> {
    checkUserName(name);
    this.#accounts.add(name, await this.#hash(name, password), options.admin ?? false);
  }

  async setPassword(name: string, password: string): Promise<void> {
    this.#accounts.withOwnPassword(name);
    this.#accounts.setPassword(name, await this.#hash(name, password));
    // A generated password that nobody has used yet is worth nothing now.
    if (name === firstAdmin) await rm(dataPaths(this.#config).initialPassword, { force: true });
  }

  async setEnabled(name: string, enabled: boolean): Promise<void> {
    this.#accounts.setEnabled(name, enabled);
  }

  async removeUser(name: string): Promise<void> {
    this.#accounts.remove(name);
  }

  async listUsers(): Promise<UserRow[]> {
    return this.#accounts.list().map(toUserRow);
  }

  async importHtpasswd(content: Uint8Array, options: ImportOptions = {}): Promise<ImportLine[]> {
    const lines = importHtpasswd(this.#database, content, options);
    // A generated password that nobody has used yet is worth nothing now.
    const isNew = lines.some(({ name, outcome }) => name === firstAdmin && outcome === 'replaced');
    if (isNew && !options.dryRun) await rm(dataPaths(this.#config).initialPassword, { force: true });
    return lines;
  }

  async grant(subject: string, pattern: string, actions: Action[]): Promise<GrantRow> {
    return this.#granting.grant(subject, pattern, actions);
  }

  async revoke(subject: string, pattern: string, actions?: Action[]): Promise<GrantRow | undefined> {
    return this.#granting.revoke(subject, pattern, actions);
  }

  async listGrants(subject?: string): Promise<GrantRow[]> {
    if (subject === undefined) return this.#grants.list();
    this.#grants.checkSubject(subject);
    return this.#grants.ofSubject(subject);
  }

  async can(name: string, action: Action, repository: string, tokenId?: string): Promise<Decision> {
    checkActions([action]);
    if (!isRepository(repository)) {
      throw new AdminError('REPOSITORY_INVALID', `${JSON.stringify(repository)} is not a repository name`);
    }
    const { kind } = readSubject(name);
    if (kind === 'team' || kind === 'authenticated') {
      throw new AdminError('USER_UNKNOWN', `ask for a user, a robot or anonymous; ${name} is none of them`);
    }
    if (kind === 'user') this.#existing(name);
    else if (kind !== 'anonymous') this.#grants.checkSubject(name);
    const actor: Pick<Actor, 'kind' | 'name' | 'credential'> = { kind, name };
    if (tokenId !== undefined) {
      const [token] = (await this.listTokens(name)).filter(({ id }) => id === tokenId);
      if (!token) throw unknownToken();
      actor.credential = { kind: 'personal-token', id: tokenId };
    }
    return decide(this.#rights.rightsOf(actor), undefined, repository, action);
  }

  as(actor: Actor): ActingAdmin {
    const parts = { database: this.#database, rights: this.#rights, granting: this.#granting, people: this };
    return new ActingAdmin(actor, parts);
  }

  async listSessions(user?: string): Promise<SessionRow[]> {
    return this.#sessions.list(user);
  }

  async revokeSession(id: string): Promise<void> {
    this.#sessions.revoke(id);
  }

  async revokeSessions(user: string): Promise<number> {
    return this.#sessions.revokeOf(user);
  }

  async listKeys(): Promise<SigningKeyRow[]> {
    return this.#keys.list();
  }

  rotateKey(options?: { revoke?: boolean }): Promise<{ kid: string; newAuthority: boolean }> {
    return this.#keys.rotate(options);
  }

  tokenAuthority(): Promise<TokenAuthority> {
    return this.#keys.authority();
  }

  close(): void {
    void this.#passwords.close();
    this.#database.close();
  }

  async #hash(name: string, password: string): Promise<string> {
    await checkNewPassword(name, password, this.#config.hostname);
    return this.#passwords.hash(password, this.#config['auth.bcrypt_cost']);
  }

  #existing(name: string): Account {
    const account = this.#accounts.byName(name);
    if (account?.kind !== 'user') throw unknownUser(name);
    return account;
  }
}

function toUserRow({ name, admin, enabled, source, createdAt, updatedAt }: Account): UserRow {
  const time = (milliseconds: number) => new Date(milliseconds).toISOString();
  return {
    name,
    kind: 'user',
    admin,
    enabled,
    source,
    createdAt: time(createdAt),
    updatedAt: time(updatedAt),
  };
}
