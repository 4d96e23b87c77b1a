import type { RepositoryAction } from '../../runtime/repository-rights.ts';

/** What can be done with a repository. `admin`: all of it, and to give rights on it to others. */
export type Action = RepositoryAction;

export { repositoryActions as actions } from '../../runtime/repository-rights.ts';

/** What somebody logged in with. */
export type CredentialKind =
  | 'password'
  | 'personal-token'
  | 'robot-secret'
  | 'refresh-token'
  | 'bearer'
  | 'certificate';

export interface Credential {
  kind: CredentialKind;
  /** Its public id; a password has none. */
  id?: string;
}

/** Who makes a request, as `Identity.authenticate` found out. */
export interface Actor {
  /** '' for anonymous. */
  name: string;
  kind: 'user' | 'robot' | 'anonymous';
  /** At the time of authentication; `decide` looks at the account as it is now. */
  admin: boolean;
  /** Present only for Bearer: what the token was issued for. */
  scopes?: readonly Scope[];
  /** Present only for Bearer, in milliseconds since 1970. */
  tokenEndsAt?: number;
  /** Present for a token past its end, with which its owner may only go on with an upload. */
  expired?: true;
  /** What the request brought; absent without any. The id of a Bearer token is its `jti`. */
  credential?: Credential;
  /** Present for Bearer, unless it is an anonymous one: what it was issued for. Void with it, and used with it. */
  issuedTo?: Credential;
  /** Present for users and robots: which account, with which of its passwords. A new one of the same name is another. */
  account?: AccountReference;
}

export interface AccountReference {
  id: number;
  /** Grows when the password changes or the account is disabled; what was issued before is void. */
  credentialVersion: number;
}

/** `repository:team/app:pull,push` or `registry:catalog:*` (distribution, "Token Scope Documentation"). */
export interface Scope {
  type: string;
  name: string;
  actions: readonly string[];
}

export interface Decision {
  allowed: boolean;
  /**
   * `template`: granted by a template. `limit`: granted, but the personal token or the robot is limited to other
   * rights. `scope`: granted, but the Bearer token was not issued for it.
   */
  reason: 'grant' | 'template' | 'admin' | 'no-grant' | 'limit' | 'scope';
  /** The grant that decided; of a template, with what the template says. */
  grant?: { subject: string; pattern: string; actions: Action[]; template?: string };
}

export interface IssuedToken {
  token: string;
  /** The same token, by its OAuth 2 name. */
  access_token: string;
  /** For a client that asked for one: gets it further tokens without a password. */
  refresh_token?: string;
  /** Seconds. */
  expires_in: number;
  /** RFC 3339. */
  issued_at: string;
  /** What was granted of what was asked, when anything was. */
  scope?: string;
}
