import { RecentMap } from '../../runtime/recent-map.ts';
import type { RepositoryRight } from '../../runtime/repository-rights.ts';
import { type Account, AccountStore } from './account-store.ts';
import { noRights, type Rights } from './decide.ts';
import { GrantStore } from './grant-store.ts';
import { type HtpasswdSource, noHtpasswd } from './htpasswd-file.ts';
import { type PersonalToken, PersonalTokenStore } from './personal-token-store.ts';
import { type Robot, RobotStore } from './robot-store.ts';
import { TeamStore } from './team-store.ts';
import { templateGrants } from './template-grants.ts';
import type { Actor, Credential } from './types.ts';
import type { UsersDatabase } from './users-database.ts';

/** What a credential that still counts is limited to. */
export interface Standing {
  limit?: readonly RepositoryRight[] | undefined;
}

const maxUnknown = 10_000;

/**
 * Accounts and rights as users.db has them now. What was read is kept until the database changes, whichever
 * process changes it, and no longer. Reads block: 2 µs when nothing changed, some 10 µs when something did.
 */
export class LiveRights {
  readonly #database: UsersDatabase;
  readonly #accounts: AccountStore;
  readonly #grants: GrantStore;
  readonly #teams: TeamStore;
  readonly #robots: RobotStore;
  readonly #personalTokens: PersonalTokenStore;
  readonly #templates: readonly RepositoryRight[];
  readonly #htpasswd: HtpasswdSource;
  #version = -1;
  #htpasswdVersion = -1;
  readonly #kept = new Map<string, unknown>();
  /** Names and ids of nothing; so they are read no more often than those of something. */
  readonly #absent = new RecentMap<true>(maxUnknown);

  constructor(
    database: UsersDatabase,
    options: { templates: readonly RepositoryRight[]; htpasswd?: HtpasswdSource },
  ) {
    this.#database = database;
    this.#htpasswd = options.htpasswd ?? noHtpasswd;
    this.#accounts = new AccountStore(database, this.#htpasswd);
    this.#grants = new GrantStore(database);
    this.#teams = new TeamStore(database);
    this.#robots = new RobotStore(database);
    this.#personalTokens = new PersonalTokenStore(database);
    this.#templates = options.templates;
  }

  accountByName(name: string): Account | undefined {
    return this.#read(`name:${name}`, () => this.#accounts.byName(name));
  }

  accountById(id: number): Account | undefined {
    return this.#read(`id:${id}`, () => this.#accounts.byId(id));
  }

  /** Of a user of the htpasswd file who has only a line there yet, the account with a row. */
  adopt(name: string): Account | undefined {
    return this.#accounts.adopt(name);
  }

  /** @param id the public id. */
  personalToken(id: string): PersonalToken | undefined {
    return this.#read(`token:${id}`, () => this.#personalTokens.byId(id));
  }

  /** @param id the public id. */
  robotBySecret(id: string): Robot | undefined {
    return this.#read(`secret:${id}`, () => this.#robots.bySecret(id));
  }

  /** Nothing for an account that is unknown, disabled, or no longer the one that was authenticated. */
  rightsOf(actor: Pick<Actor, 'kind' | 'name' | 'account' | 'credential' | 'issuedTo'>): Rights {
    if (actor.kind === 'anonymous') return this.#anonymous();
    const account = this.accountByName(actor.name);
    if (!account?.enabled || (actor.account && !isSame(actor.account, account))) return noRights;
    const standing = this.standingOf(account, actor.issuedTo ?? actor.credential);
    if (!standing) return noRights;
    const rights = this.#read(`rights:${account.name}`, () => this.#rights(account))!;
    return standing.limit ? { ...rights, limit: standing.limit } : rights;
  }

  /** @returns undefined when the credential was revoked, or is past its end. */
  standingOf(account: Account, credential: Credential | undefined): Standing | undefined {
    if (account.kind === 'robot') {
      const robot = this.#read(`robot:${account.id}`, () => this.#robots.byAccount(account.id));
      const isOld = credential?.kind === 'robot-secret' && credential.id !== robot?.secretId;
      return robot && !isOld && !isOver(robot) ? robot : undefined;
    }
    if (credential?.kind !== 'personal-token') return {};
    const token = this.personalToken(credential.id ?? '');
    return token?.accountId === account.id && !isOver(token) ? token : undefined;
  }

  #rights({ name, kind, admin }: Account): Rights {
    const teams = kind === 'user' ? this.#teams.teamsOf(name) : [];
    const owners = kind === 'user' ? [{ kind: 'user' as const, name }] : [];
    const templates = [...owners, ...teams.map((team) => ({ kind: 'team' as const, name: team }))];
    // Whoever logs in may do no less than whoever does not.
    const subjects = [name, ...teams.map((team) => `team:${team}`), 'authenticated', 'anonymous'];
    return {
      user: true,
      admin,
      grants: [
        ...templates.flatMap((subject) => templateGrants(this.#templates, subject)),
        ...subjects.flatMap((subject) => this.#grants.ofSubject(subject)),
      ],
    };
  }

  #anonymous(): Rights {
    return this.#read('anonymous', () => ({ ...noRights, grants: this.#grants.ofSubject('anonymous') }))!;
  }

  /**
   * Of what is not there only so much is kept: names and ids are what anybody types. The version is read before the
   * rows, so rows are at worst newer than it says.
   */
  #read<Value>(key: string, read: () => Value | undefined): Value | undefined {
    const version = this.#database.version();
    const htpasswdVersion = this.#htpasswd.version();
    if (version !== this.#version || htpasswdVersion !== this.#htpasswdVersion) {
      this.#version = version;
      this.#htpasswdVersion = htpasswdVersion;
      this.#kept.clear();
      this.#absent.clear();
    }
    const known = this.#kept.get(key) as Value | undefined;
    if (known !== undefined || this.#absent.get(key)) return known;
    const value = read();
    if (value === undefined) this.#absent.set(key, true);
    else this.#kept.set(key, value);
    return value;
  }
}

/** Whether the account still is the one, with the credentials, that the reference was made for. */
export function isSame(reference: { id: number; credentialVersion: number }, account: Account): boolean {
  return reference.id === account.id && reference.credentialVersion === account.credentialVersion;
}

export function isOver({ expiresAt }: { expiresAt: number | null }): boolean {
  return expiresAt !== null && expiresAt <= Date.now();
}
