import { rm } from 'node:fs/promises';
import { OciError } from '../../oci/errors.ts';
import { dataPaths } from '../../runtime/config.ts';
import type { Config } from '../../runtime/config-schema.ts';
import type { Log } from '../../runtime/log.ts';
import { parseAuthorization } from './authorization-header.ts';
import type { BasicLogin } from './basic-login.ts';
import { BearerLogin, type BearerOptions, toActor } from './bearer-login.ts';
import { type CatalogUse, decide, decideCatalog, narrowScopes, readablePatterns } from './decide.ts';
import { HtpasswdFile, type HtpasswdStatus, noHtpasswd } from './htpasswd-file.ts';
import type { Identity, TokenWish } from './index.ts';
import { isSame, LiveRights } from './live-rights.ts';
import { LoginFailure } from './login-failure.ts';
import { openPasswordLogin } from './password-login.ts';
import { PasswordPool } from './password-pool.ts';
import { type Device, RefreshTokens } from './refresh-tokens.ts';
import { looksLikeSecret } from './secret-format.ts';
import { SecretLogin } from './secret-login.ts';
import { SigningKeys } from './signing-keys.ts';
import { templatesOf } from './template-grants.ts';
import { Tokens } from './tokens.ts';
import type { Action, Actor, Decision, IssuedToken } from './types.ts';
import { openUsersDatabase, type UsersDatabase } from './users-database.ts';

const firstAdmin = 'admin';

/** Identity on users.db: puts logins, tokens and rights together. */
export class IdentityService implements Identity {
  readonly service: string;
  readonly #database: UsersDatabase;
  readonly #passwords = new PasswordPool();
  readonly #htpasswd: HtpasswdFile | undefined;
  readonly #rights: LiveRights;
  readonly #login: BasicLogin;
  readonly #secrets: SecretLogin;
  readonly #tokens: Tokens;
  readonly #refreshTokens: RefreshTokens;
  readonly #bearer: BearerLogin;
  readonly #log: Log;
  #initialPasswordFile: string | undefined;

  private constructor(database: UsersDatabase, keys: SigningKeys, config: Config, log: Log) {
    this.#database = database;
    this.#log = log;
    this.service = database.connection.prepare('SELECT service FROM installation').pluck().get() as string;
    const path = config['auth.htpasswd_file'];
    this.#htpasswd = path === '' ? undefined : new HtpasswdFile(path, log);
    const htpasswd = this.#htpasswd ?? noHtpasswd;
    this.#rights = new LiveRights(database, { templates: templatesOf(config), htpasswd });
    this.#secrets = new SecretLogin(this.#rights);
    const cost = config['auth.bcrypt_cost'];
    const parts = { database, htpasswd, rights: this.#rights, passwords: this.#passwords, cost, log };
    this.#login = openPasswordLogin(parts);
    this.#tokens = new Tokens(this.service, keys, Math.floor(config['auth.token_lifetime'] / 1000));
    this.#refreshTokens = new RefreshTokens(database, {
      lifetimeMs: config['auth.refresh_lifetime'],
      perUser: config['auth.refresh_tokens_per_user'],
    });
    this.#bearer = new BearerLogin(this.#rights, this.#tokens, this.#refreshTokens);
    this.#initialPasswordFile = dataPaths(config).initialPassword;
  }

  static async open(config: Config, log: Log): Promise<IdentityService> {
    const database = openUsersDatabase(dataPaths(config).usersDatabase);
    try {
      return new IdentityService(database, await SigningKeys.open(database), config, log);
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
    const account = this.#rights.accountByName(name);
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

  readablePatterns(actor: Actor, use?: CatalogUse): readonly string[] {
    return readablePatterns(this.#rights.rightsOf(actor), actor.scopes, use);
  }

  checkService(asked: string | undefined): void {
    if (asked === undefined || asked === '' || asked === this.service) return;
    throw new OciError('PARAMETER_INVALID', {
      message: `this server issues tokens for the service "${this.service}" only`,
      detail: { service: asked.slice(0, 255), expected: this.service },
    });
  }

  async issueToken(actor: Actor, { scopes, device }: TokenWish): Promise<IssuedToken> {
    if (actor.scopes) {
      throw new OciError('UNAUTHORIZED', {
        message: 'a token is issued for a user name and password, or without any credentials',
        detail: { reason: 'bearer' },
      });
    }
    const { account, credential } = actor;
    if (actor.kind !== 'anonymous' && !(account && credential))
      throw new Error('the actor does not come from authenticate()');
    const refresh = device && this.#issueRefreshToken(actor, device);
    const issuedTo = refresh ? { kind: 'refresh-token' as const, id: refresh.id } : credential;
    const issued = await this.#tokens.issue({
      name: actor.name,
      ...(account && issuedTo && { account, issuedTo }),
      scopes: narrowScopes(this.#rights.rightsOf(actor), scopes),
    });
    return refresh ? { ...issued, refresh_token: refresh.secret } : issued;
  }

  async htpasswd(): Promise<HtpasswdStatus | undefined> {
    await this.#htpasswd?.settle();
    return this.#htpasswd?.status();
  }

  async close(): Promise<void> {
    await this.#passwords.close();
    this.#database.close();
  }

  /** For a password only: whatever else logs in is revoked one by one already, and may be limited. */
  #issueRefreshToken({ account, credential }: Actor, device: Device) {
    if (credential?.kind !== 'password') return undefined;
    return this.#refreshTokens.issue(account!, this.service, device);
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
