import { rm } from 'node:fs/promises';
import { OciError } from '../../oci/errors.ts';
import { dataPaths } from '../../runtime/config.ts';
import type { Config } from '../../runtime/config-schema.ts';
import type { Log } from '../../runtime/log.ts';
import { parseAuthorization } from './authorization-header.ts';
import type { BasicLogin } from './basic-login.ts';
import { BearerLogin, type BearerOptions, toActor } from './bearer-login.ts';
import { type CatalogUse, decide, decideCatalog, type Rights, readablePatterns } from './decide.ts';
import { openHtpasswdCopy } from './htpasswd-copy.ts';
import { HtpasswdFile, type HtpasswdStatus, noHtpasswd } from './htpasswd-file.ts';
import type { Identity, KeySet, TokenWish } from './index.ts';
import { isSame, LiveRights } from './live-rights.ts';
import { LoginFailure } from './login-failure.ts';
import { openPasswordLogin } from './password-login.ts';
import { PasswordPool, passwordThreads } from './password-pool.ts';
import { RefreshTokens } from './refresh-tokens.ts';
import { looksLikeSecret } from './secret-format.ts';
import { SecretLogin } from './secret-login.ts';
import { SigningKeys } from './signing-keys.ts';
import { templatesOf } from './template-grants.ts';
import { TokenIssuer } from './token-issuer.ts';
import { Tokens } from './tokens.ts';
import type { Action, Actor, Decision, IssuedToken } from './types.ts';
import { openUsersDatabase, type UsersDatabase } from './users-database.ts';

const firstAdmin = 'admin';

/** Identity on users.db: puts logins, tokens and rights together. */
export class IdentityService implements Identity {
  readonly service: string;
  readonly #database: UsersDatabase;
  readonly #passwords: PasswordPool;
  readonly #htpasswd: HtpasswdFile | undefined;
  readonly #rights: LiveRights;
  readonly #login: BasicLogin;
  readonly #secrets: SecretLogin;
  readonly #keys: SigningKeys;
  readonly #issuer: TokenIssuer;
  readonly #refreshTokens: RefreshTokens;
  readonly #bearer: BearerLogin;
  readonly #log: Log;
  #initialPasswordFile: string | undefined;

  private constructor(database: UsersDatabase, keys: SigningKeys, config: Config, log: Log) {
    this.#database = database;
    this.#log = log;
    this.#passwords = new PasswordPool({ threads: passwordThreads(config['gateway.workers']) });
    this.service = database.connection.prepare('SELECT service FROM installation').pluck().get() as string;
    const path = config['auth.htpasswd_file'];
    const copy = openHtpasswdCopy(dataPaths(config).htpasswdCopy, path);
    this.#htpasswd = path === '' ? undefined : new HtpasswdFile(path, copy, log);
    const htpasswd = this.#htpasswd ?? noHtpasswd;
    this.#rights = new LiveRights(database, { templates: templatesOf(config), htpasswd });
    this.#secrets = new SecretLogin(this.#rights);
    const cost = config['auth.bcrypt_cost'];
    const parts = { database, htpasswd, rights: this.#rights, passwords: this.#passwords, cost, log };
    this.#login = openPasswordLogin(parts);
    this.#keys = keys;
    const tokens = new Tokens(this.service, keys, Math.floor(config['auth.token_lifetime'] / 1000));
    this.#refreshTokens = new RefreshTokens(database, {
      lifetimeMs: config['auth.refresh_lifetime'],
      perUser: config['auth.refresh_tokens_per_user'],
    });
    this.#bearer = new BearerLogin(this.#rights, tokens, this.#refreshTokens);
    this.#issuer = new TokenIssuer({
      service: this.service,
      services: config['auth.services'],
      rights: this.#rights,
      tokens,
      refreshTokens: this.#refreshTokens,
    });
    this.#initialPasswordFile = dataPaths(config).initialPassword;
  }

  static async open(config: Config, log: Log): Promise<IdentityService> {
    const database = openUsersDatabase(dataPaths(config).usersDatabase);
    try {
      const keys = await SigningKeys.open(database, {
        tokenLifetimeMs: config['auth.token_lifetime'],
        withCertificate: config['auth.services'].length > 0,
      });
      return new IdentityService(database, keys, config, log);
    } catch (error) {
      database.close();
      throw error;
    }
  }

  async authenticate(authorization: string | undefined, options: BearerOptions = {}): Promise<Actor> {
    if (authorization === undefined) return { name: '', kind: 'anonymous', admin: false };
    const credentials = parseAuthorization(authorization);
    await this.#htpasswd?.settle();
    if (credentials.scheme === 'bearer') return this.#bearer.verify(credentials.token, options);
    return this.verifyPassword(credentials.name, credentials.password);
  }

  async verifyPassword(
    name: string,
    password: string,
    beforeComparing?: () => Promise<void>,
  ): Promise<Actor> {
    await this.#htpasswd?.settle();
    if (looksLikeSecret(password)) {
      const { account, credential } = this.#secrets.verify(name, password);
      return { ...toActor(account), credential };
    }
    const account = await this.#login.verify(name, password, beforeComparing);
    if (account.name === firstAdmin) await this.#removeInitialPassword();
    return { ...toActor(account), credential: { kind: 'password' } };
  }

  async redeem(refreshToken: string, service: string | undefined): Promise<Actor> {
    await this.#htpasswd?.settle();
    const found = this.#refreshTokens.redeem(refreshToken, service || this.service);
    const account = found && this.#rights.accountById(found.account.id);
    if (!account?.enabled || !isSame(found!.account, account)) throw new LoginFailure('', 'refresh-token');
    return { ...toActor(account), credential: { kind: 'refresh-token', id: found!.id } };
  }

  byCertificate(name: string, serial: string): Actor | undefined {
    this.#htpasswd?.refresh();
    const found = this.#rights.accountByName(name);
    const account = found?.id === 0 ? this.#rights.adopt(name) : found;
    if (!account) return undefined;
    if (account.enabled) return { ...toActor(account), credential: { kind: 'certificate', id: serial } };
    const message = 'the account that the client certificate names is disabled';
    throw new OciError('UNAUTHORIZED', { message, detail: { reason: 'disabled' } });
  }

  decide(actor: Actor, repository: string, action: Action): Decision {
    return decide(this.#rights.rightsOf(actor), actor.scopes, repository, action);
  }

  decideCatalog(actor: Actor, use?: CatalogUse): Decision {
    return decideCatalog(this.#rights.rightsOf(actor), actor.scopes, use);
  }

  rightsOf(actor: Actor): Rights {
    return this.#rights.rightsOf(actor);
  }

  readablePatterns(actor: Actor, use?: CatalogUse): readonly string[] {
    return readablePatterns(this.#rights.rightsOf(actor), actor.scopes, use);
  }

  checkService(asked: string | undefined): void {
    this.#issuer.checkService(asked);
  }

  issueToken(actor: Actor, wish: TokenWish): Promise<IssuedToken> {
    return this.#issuer.issue(actor, wish);
  }

  async keySet(): Promise<KeySet> {
    return { keys: (await this.#keys.current()).publicKeys() };
  }

  async htpasswd(): Promise<HtpasswdStatus | undefined> {
    await this.#htpasswd?.settle();
    return this.#htpasswd?.status();
  }

  async close(): Promise<void> {
    await this.#passwords.close();
    this.#database.close();
  }

  /** The generated password has reached its reader, so its file goes. Once in the life of a process. */
  async #removeInitialPassword(): Promise<void> {
    const path = this.#initialPasswordFile;
    if (path === undefined) return;
    this.#initialPasswordFile = undefined;
    try {
      await rm(path, { force: true });
    } catch (error) {
      this.#log.warn('cannot remove the file with the initial password; remove it by hand', { path, error });
    }
  }
}
