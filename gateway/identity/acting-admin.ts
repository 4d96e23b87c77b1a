import type { RepositoryRight } from '../../runtime/repository-rights.ts';
import { unknownAccount } from './account-store.ts';
import { AdminError } from './admin-error.ts';
import { robotName, tokenId } from './credential-rules.ts';
import type { Grant } from './decide.ts';
import { decideAdministration, isSiteAdministrator } from './decide-administration.ts';
import { GrantStore } from './grant-store.ts';
import type { Granting } from './granting.ts';
import type { LiveRights } from './live-rights.ts';
import type { IssuedSecret, PeopleAdmin, RobotOptions, TokenOptions } from './people-admin.ts';
import type { RobotRow, TokenRow } from './people-rows.ts';
import { PersonalTokenStore } from './personal-token-store.ts';
import { RobotStore } from './robot-store.ts';
import { checkPattern } from './rules.ts';
import type { Action, Actor } from './types.ts';
import type { UsersDatabase } from './users-database.ts';

export interface ActingParts {
  database: UsersDatabase;
  rights: LiveRights;
  granting: Granting;
  people: PeopleAdmin;
}

/**
 * What somebody who is logged in may change: his own tokens, and rights and robots within the patterns that he has
 * `admin` on. Method by method as `Admin`, each checked against his rights in the transaction that makes the change.
 * @throws AdminError NOT_ALLOWED, and as `Admin` does.
 */
export class ActingAdmin {
  readonly #actor: Actor;
  readonly #parts: ActingParts;
  readonly #grants: GrantStore;
  readonly #robots: RobotStore;
  readonly #tokens: PersonalTokenStore;

  constructor(actor: Actor, parts: ActingParts) {
    this.#actor = actor;
    this.#parts = parts;
    this.#grants = new GrantStore(parts.database);
    this.#robots = new RobotStore(parts.database);
    this.#tokens = new PersonalTokenStore(parts.database);
  }

  /** Whether everything is his to change, so that `Admin` itself may be used for him. */
  isAdministrator(): boolean {
    return isSiteAdministrator(this.#parts.rights.rightsOf(this.#actor), this.#actor.scopes);
  }

  async grant(subject: string, pattern: string, actions: Action[]): Promise<Grant> {
    return this.#parts.database.write(() => {
      this.#demandAdminOf(pattern);
      return this.#parts.granting.grant(subject, pattern, actions);
    });
  }

  async revoke(subject: string, pattern: string, actions?: Action[]): Promise<Grant | undefined> {
    return this.#parts.database.write(() => {
      this.#demandAdminOf(pattern);
      return this.#parts.granting.revoke(subject, pattern, actions);
    });
  }

  /** Grants within his patterns. */
  async listGrants(subject?: string): Promise<Grant[]> {
    const grants = subject === undefined ? this.#grants.list() : this.#grants.ofSubject(subject);
    return grants.filter(({ pattern }) => this.#isAdminOf(pattern));
  }

  async addRobot(name: string, options: RobotOptions): Promise<IssuedSecret> {
    const { rights } = options;
    if (!rights) throw notAllowed('a robot without limits is for an administrator to make; give it rights');
    return this.#checked(
      () => {
        for (const { pattern } of rights) this.#demandAdminOf(pattern);
      },
      (people) => people.addRobot(name, { ...options, owner: this.#actor.name }),
    );
  }

  async rotateRobot(name: string, expiresAt: number | null): Promise<IssuedSecret> {
    return this.#checked(
      () => this.#demandRobot(name),
      (people) => people.rotateRobot(name, expiresAt),
    );
  }

  async setRobotEnabled(name: string, enabled: boolean): Promise<void> {
    return this.#checked(
      () => this.#demandRobot(name),
      (people) => people.setRobotEnabled(name, enabled),
    );
  }

  async removeRobot(name: string): Promise<void> {
    return this.#checked(
      () => this.#demandRobot(name),
      (people) => people.removeRobot(name),
    );
  }

  /** Robots that are limited to his patterns. */
  async listRobots(): Promise<RobotRow[]> {
    const rows = await this.#parts.people.listRobots();
    return rows.filter(({ rights }) => this.#isKeeperOf(rights));
  }

  /** For himself, and with his password: a token that makes tokens would never end. */
  async createToken(user: string, name: string, options: TokenOptions): Promise<IssuedSecret> {
    if (this.#actor.credential?.kind !== 'password') {
      throw notAllowed('a token is made with the password, not with another token');
    }
    return this.#checked(
      () => this.#demandUser(user),
      (people) => people.createToken(user, name, options),
    );
  }

  async listTokens(user = this.#actor.name): Promise<TokenRow[]> {
    this.#demandUser(user);
    return this.#parts.people.listTokens(this.#actor.name);
  }

  /** One of his own; somebody else's is not there for him. */
  async revokeToken(idOrSecret: string): Promise<TokenRow> {
    const id = tokenId(idOrSecret);
    const isOwn = () => this.#tokens.list(this.#actor.name).some((token) => token.id === id);
    return this.#checked(
      () => this.#demandUser(),
      (people) => people.revokeToken(isOwn() ? id : ''),
    );
  }

  /** One transaction; what `change` does, it does before it first waits. */
  #checked<Result>(demand: () => void, change: (people: PeopleAdmin) => Promise<Result>): Promise<Result> {
    const { database, people } = this.#parts;
    let changed: Promise<Result> | undefined;
    database.write(() => {
      demand();
      changed = change(people);
    });
    return changed!;
  }

  #isAdminOf(pattern: string): boolean {
    const { rights } = this.#parts;
    return decideAdministration(rights.rightsOf(this.#actor), this.#actor.scopes, pattern).allowed;
  }

  #demandAdminOf(pattern: string): void {
    checkPattern(pattern);
    if (this.#isAdminOf(pattern)) return;
    throw notAllowed(`to give rights on ${pattern} takes "admin" on a pattern that covers all of it`);
  }

  #isKeeperOf(limit: readonly RepositoryRight[] | null | undefined): boolean {
    return limit?.every(({ pattern }) => this.#isAdminOf(pattern)) ?? this.isAdministrator();
  }

  /** One that is not his to look after is not there for him. */
  #demandRobot(name: string): void {
    const robot = this.#robots.existing(robotName(name));
    if (!this.#isKeeperOf(robot.limit)) throw unknownAccount('robot', robot.name);
  }

  /** A user with his password, or with a token that is not limited. */
  #demandUser(user = this.#actor.name): void {
    const { kind, name, scopes } = this.#actor;
    const { user: isUser, limit } = this.#parts.rights.rightsOf(this.#actor);
    if (kind === 'user' && isUser && user === name && !limit && !scopes) return;
    throw notAllowed('only a user looks after his own tokens, with his password or a token without limits');
  }
}

function notAllowed(message: string): AdminError {
  return new AdminError('NOT_ALLOWED', message);
}
