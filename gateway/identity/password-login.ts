import type { Log } from '../../runtime/log.ts';
import { BasicLogin } from './basic-login.ts';
import type { HtpasswdSource } from './htpasswd-file.ts';
import type { LiveRights } from './live-rights.ts';
import { LoginWork } from './login-work.ts';
import type { PasswordPool } from './password-pool.ts';
import { PasswordStore } from './password-store.ts';
import { StrongerHash } from './stronger-hash.ts';
import type { UsersDatabase } from './users-database.ts';

export interface PasswordLoginParts {
  database: UsersDatabase;
  htpasswd: HtpasswdSource;
  rights: LiveRights;
  passwords: PasswordPool;
  /** Of bcrypt, as it is configured. */
  cost: number;
  log: Log;
}

export function openPasswordLogin(parts: PasswordLoginParts): BasicLogin {
  const { rights, passwords, cost, log } = parts;
  const store = new PasswordStore(parts.database, parts.htpasswd);
  const stronger = new StrongerHash(store, passwords, cost, log);
  return new BasicLogin(rights, passwords, new LoginWork(store, cost), stronger);
}
