import { mkdirSync } from 'node:fs';
import { dataPaths } from '../runtime/config.ts';
import type { Config } from '../runtime/config-schema.ts';
import type { ActingAdmin } from './identity/acting-admin.ts';
import type { Grant } from './identity/decide.ts';
import type { ImportLine, ImportOptions } from './identity/htpasswd-import.ts';
import type { SigningKeyRow, TokenAuthority } from './identity/key-admin.ts';
import type { PeopleAdmin } from './identity/people-admin.ts';
import type { SessionRow } from './identity/session-admin.ts';
import type { Action, Actor, Decision } from './identity/types.ts';
import { UsersAdmin } from './identity/users-admin.ts';
import { openUsersDatabase } from './identity/users-database.ts';

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
