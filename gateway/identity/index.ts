import type { Config } from '../../runtime/config-schema.ts';
import type { Log } from '../../runtime/log.ts';
import type { BearerOptions } from './bearer-login.ts';
import type { CatalogUse, Rights } from './decide.ts';
import type { HtpasswdStatus } from './htpasswd-file.ts';
import type { PublicJwk } from './jwt.ts';
import type { Device } from './refresh-tokens.ts';
import { IdentityService } from './service.ts';
import type { Action, Actor, Decision, IssuedToken, Scope } from './types.ts';

export { type Credentials, parseAuthorization } from './authorization-header.ts';
export { tokenExpired } from './bearer-login.ts';
export type { CatalogUse } from './decide.ts';
export type { HtpasswdStatus } from './htpasswd-file.ts';
export { LoginFailure } from './login-failure.ts';
export type { Device } from './refresh-tokens.ts';
export { parseScopes } from './scopes.ts';
export type { Action, Actor, Credential, CredentialKind, Decision, IssuedToken, Scope } from './types.ts';

/** Who somebody is and what they may do, as it stands in users.db at this moment. */
export interface Identity {
  /** Name of this installation in challenges, audience of its tokens; the same under every host name. */
  readonly service: string;
  /**
   * @param authorization the request's header; undefined → anonymous. Basic or Bearer, on every path.
   * @param options `forgiveExpiry` only where `Actor.expired` is looked at.
   * @throws LoginFailure (Basic); OciError UNAUTHORIZED for a malformed header or a token that is not valid now
   *   (`detail.reason` says why); UNAVAILABLE with `Retry-After` when too many logins wait.
   */
  authenticate(authorization: string | undefined, options?: BearerOptions): Promise<Actor>;
  /**
   * @param beforeComparing is waited for where a password has to be compared; a remembered login does not wait.
   * @throws LoginFailure; OciError UNAVAILABLE with `Retry-After` when too many logins wait.
   */
  verifyPassword(name: string, password: string, beforeComparing?: () => Promise<void>): Promise<Actor>;
  /**
   * Who a refresh token was issued for. Not rotated; renewed by use.
   * @param service that the client wants a token of; a refresh token is good for the one that it was issued for.
   * @throws LoginFailure
   */
  redeem(refreshToken: string, service: string | undefined): Promise<Actor>;
  /**
   * Whoever a client certificate names, which TLS has found good.
   * @param serial of the certificate, for the audit.
   * @returns undefined where there is no such account. @throws OciError UNAUTHORIZED for one that is disabled
   */
  byCertificate(name: string, serial: string): Actor | undefined;
  /** Deny by default. A Bearer actor may what its token was issued for and its account is granted now. */
  decide(actor: Actor, repository: string, action: Action): Decision;
  /** The same for listing the catalog, of which `readablePatterns` says how much is shown. */
  decideCatalog(actor: Actor, use?: CatalogUse): Decision;
  /** Patterns of what the actor may pull, own namespace included; `['**']` for administrators. */
  readablePatterns(actor: Actor, use?: CatalogUse): readonly string[];
  /** All that the actor's account may do, before what its token was issued for. */
  rightsOf(actor: Actor): Rights;
  /** @throws OciError PARAMETER_INVALID when a client asks for a token of a service that does not trust us. */
  checkService(asked: string | undefined): void;
  /**
   * A token for what was asked and is granted now, which may be nothing.
   * @throws OciError UNAUTHORIZED for a Bearer actor: a token does not beget tokens; PARAMETER_INVALID as above.
   */
  issueToken(actor: Actor, wish: TokenWish): Promise<IssuedToken>;
  /** The state of the htpasswd file; undefined where none is configured. */
  htpasswd(): Promise<HtpasswdStatus | undefined>;
  /** The public keys of tokens that are accepted now. */
  keySet(): Promise<KeySet>;
  close(): Promise<void>;
}

/** RFC 7517 section 5. */
export interface KeySet {
  keys: PublicJwk[];
}

/** What a client asks of the token endpoint. */
export interface TokenWish {
  scopes: readonly Scope[];
  /** Which it is for; undefined or '': ours. */
  service?: string | undefined;
  /** Present when it wants a refresh token too, which it gets if it logged in with a password. */
  device?: Device;
}

/** Opens users.db, creating it and the signing key where they are missing. */
export async function openIdentity({ config, log }: { config: Config; log: Log }): Promise<Identity> {
  return IdentityService.open(config, log);
}
