import { mkdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { isRepository } from '../oci/reference.ts';
import { dataPaths } from '../runtime/config.ts';
import type { Config } from '../runtime/config-schema.ts';
import { credentialUses } from './credential-uses.ts';
import { type Account, AccountStore, unknownUser } from './identity/account-store.ts';
import { ActingAdmin } from './identity/acting-admin.ts';
import { AdminError } from './identity/admin-error.ts';
import { decide, type Grant } from './identity/decide.ts';
import { GrantStore } from './identity/grant-store.ts';
import { Granting } from './identity/granting.ts';
import { type ImportLine, type ImportOptions, importHtpasswd } from './identity/htpasswd-import.ts';
import { htpasswdNow } from './identity/htpasswd-now.ts';
import { KeyAdmin, type SigningKeyRow, type TokenAuthority } from './identity/key-admin.ts';
import { LiveRights } from './identity/live-rights.ts';
import { checkNewPassword } from './identity/new-password.ts';
import { PasswordPool } from './identity/password-pool.ts';
import { PeopleAdmin } from './identity/people-admin.ts';
import { unknownToken } from './identity/personal-token-store.ts';
import { checkActions, checkUserName } from './identity/rules.ts';
import { SessionAdmin, type SessionRow } from './identity/session-admin.ts';
import { readSubject } from './identity/subjects.ts';
import { templatesOf } from './identity/template-grants.ts';
import type { Action, Actor, Decision } from './identity/types.ts';
import { openUsersDatabase, type UsersDatabase } from './identity/users-database.ts';

export type { ActingAdmin } from './identity/acting-admin.ts';
export { AdminError, type AdminErrorCode } from './identity/admin-error.ts';
export type { ImportLine, ImportOptions } from './identity/htpasswd-import.ts';
export { maxHtpasswdBytes } from './identity/htpasswd-parser.ts';
export type { SigningKeyRow, TokenAuthority } from './identity/key-admin.ts';
export type { IssuedSecret, RobotOptions, TokenOptions } from './identity/people-admin.ts';
export type { RobotRow, TeamRow, TokenRow } from './identity/people-rows.ts';
export type { SessionRow } from './identity/session-admin.ts';
export type { Action, Actor, Decision } from './identity/types.ts';
export type { LimitsReport, LimitUse } from './limits/report.ts';

export interface UserRow {
  name: string;
  kind: 'user';
  admin: boolean;
  enabled: boolean;
  /** RFC 3339. */
  createdAt: string;
  /** RFC 3339. */
  updatedAt: string;
  /** `htpasswd`: the password stands in that file; `gone`: it did, and the line is no more. */
  source: 'own' | 'htpasswd' | 'gone';
}

/** Subject: a user name, `team:NAME`, `robot+NAME`, `anonymous` or `authenticated`. */
export type GrantRow = Grant;

/**
 * What an administrator does with users and rights. Works beside a running gateway, where it takes effect on the
 * very next request. Every method throws AdminError for a wish that cannot be done.
 */
export interface Admin extends Pick<PeopleAdmin, keyof PeopleAdmin> {
  /** Account `admin` with the password made, when there is no account at all. */
  ensureFirstAdmin(makePassword: () => string): Promise<{ created: boolean; password?: string }>;
  addUser(name: string, password: string, options?: { admin?: boolean }): Promise<void>;
  setPassword(name: string, password: string): Promise<void>;
  setEnabled(name: string, enabled: boolean): Promise<void>;
  removeUser(name: string): Promise<void>;
  listUsers(): Promise<UserRow[]>;
  /** @param content of an htpasswd file. @returns what became of each line that says something. */
  importHtpasswd(content: Uint8Array, options?: ImportOptions): Promise<ImportLine[]>;
  grant(subject: string, pattern: string, actions: Action[]): Promise<GrantRow>;
  /** @returns what is left of the grant; undefined when nothing is. */
  revoke(subject: string, pattern: string, actions?: Action[]): Promise<GrantRow | undefined>;
  /** What templates give is no grant and not among them. */
  listGrants(subject?: string): Promise<GrantRow[]>;
  /** @param name a user, a robot (`robot+NAME`), or `anonymous`. @param tokenId with that personal token. */
  can(name: string, action: Action, repository: string, tokenId?: string): Promise<Decision>;
  /** Devices that are logged in, of everybody or of a user. */
  listSessions(user?: string): Promise<SessionRow[]>;
  revokeSession(id: string): Promise<void>;
  /** All of a user. @returns how many there were. */
  revokeSessions(user: string): Promise<number>;
  /** The same for somebody who is logged in: only what he may. */
  as(actor: Actor): ActingAdmin;
  /** Keys of tokens that are accepted. */
  listKeys(): Promise<SigningKeyRow[]>;
  /** @param options `revoke`: tokens of the old keys are void at once, and the authority is replaced. */
  rotateKey(options?: { revoke?: boolean }): Promise<{ kid: string; newAuthority: boolean }>;
  /** For other registries that are to trust our tokens. Makes the certificate when there is none. */
  tokenAuthority(): Promise<TokenAuthority>;
  close(): void;
}

/** Opens users.db, creating it and the data directory where they are missing. */
export async function openAdmin(config: Config): Promise<Admin> {
  mkdirSync(config.data, { recursive: true, mode: 0o700 });
  return new UsersAdmin(config, openUsersDatabase(dataPaths(config).usersDatabase));
}

const firstAdmin = 'admin';

class UsersAdmin extends PeopleAdmin implements Admin {
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
