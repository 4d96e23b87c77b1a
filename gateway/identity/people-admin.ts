import type { RepositoryRight } from '../../runtime/repository-rights.ts';
import { type AccountStore, unknownUser } from './account-store.ts';
import {
  checkDescription,
  checkExpiry,
  checkLimit,
  checkRobotName,
  checkTokenName,
  robotName,
  tokenId,
} from './credential-rules.ts';
import { GrantStore } from './grant-store.ts';
import {
  type ReadUses,
  type RobotRow,
  robotRows,
  type TeamRow,
  type TokenRow,
  timeText,
  tokenRows,
} from './people-rows.ts';
import { PersonalTokenStore } from './personal-token-store.ts';
import { RobotStore } from './robot-store.ts';
import { checkUserName } from './rules.ts';
import { hashSecret, makeSecret, publicId } from './secret-format.ts';
import { TeamStore } from './team-store.ts';
import type { UsersDatabase } from './users-database.ts';

export interface RobotOptions {
  /** A user or a team who is responsible for it; says nothing about its rights. */
  owner?: string;
  description?: string;
  /** What it is limited to and gets granted. Undefined: no limit, and nothing but what is granted to it later. */
  rights?: RepositoryRight[] | undefined;
  /** Milliseconds since 1970; null: never. */
  expiresAt: number | null;
}

export interface TokenOptions {
  /** What it is limited to; undefined: nothing, all that the account may. */
  rights?: RepositoryRight[] | undefined;
  /** Milliseconds since 1970; null: never. */
  expiresAt: number | null;
}

/** What is told once and never again. */
export interface IssuedSecret {
  /** Its public part, by which it is listed and revoked. */
  id: string;
  /** The login name that it goes with. */
  user: string;
  secret: string;
  expiresAt: string | null;
}

/** What an administrator does with teams, robots and personal tokens. Every method throws AdminError. */
export class PeopleAdmin {
  readonly #accounts: AccountStore;
  readonly #grants: GrantStore;
  readonly #teams: TeamStore;
  readonly #robots: RobotStore;
  readonly #tokens: PersonalTokenStore;
  readonly #readUses: ReadUses;

  constructor(database: UsersDatabase, accounts: AccountStore, readUses: ReadUses) {
    this.#accounts = accounts;
    this.#grants = new GrantStore(database);
    this.#teams = new TeamStore(database);
    this.#robots = new RobotStore(database);
    this.#tokens = new PersonalTokenStore(database);
    this.#readUses = readUses;
  }

  async createTeam(name: string): Promise<void> {
    checkUserName(name, 'team');
    this.#teams.create(name);
  }

  /** With its grants; its members stay. */
  async deleteTeam(name: string): Promise<void> {
    this.#teams.delete(name);
  }

  /** @returns false when he was a member already. */
  async addMember(team: string, user: string): Promise<boolean> {
    this.#accounts.adopt(user);
    return this.#teams.addMember(team, user);
  }

  async removeMember(team: string, user: string): Promise<void> {
    this.#teams.removeMember(team, user);
  }

  async listTeams(): Promise<TeamRow[]> {
    return this.#teams.list().map((team) => ({ ...team, createdAt: timeText(team.createdAt)! }));
  }

  /** @param name with or without `robot+`; so everywhere here. */
  async addRobot(
    name: string,
    { owner = '', description = '', rights, expiresAt }: RobotOptions,
  ): Promise<IssuedSecret> {
    const user = checkRobotName(name);
    if (owner !== '') this.#grants.checkSubject(owner);
    checkDescription(description);
    checkLimit(rights);
    checkExpiry(expiresAt);
    const secret = makeSecret('robot-secret');
    const [id, secretHash] = [publicId(secret), hashSecret(secret)];
    this.#robots.add({ name: user, owner, description, limit: rights, expiresAt, secretId: id, secretHash });
    return { id, user, secret, expiresAt: timeText(expiresAt) };
  }

  /** A new secret; the old one ends at once, and what was issued for it. */
  async rotateRobot(name: string, expiresAt: number | null): Promise<IssuedSecret> {
    checkExpiry(expiresAt);
    const secret = makeSecret('robot-secret');
    const user = robotName(name);
    this.#robots.setSecret(user, publicId(secret), hashSecret(secret), expiresAt);
    return { id: publicId(secret), user, secret, expiresAt: timeText(expiresAt) };
  }

  async setRobotEnabled(name: string, enabled: boolean): Promise<void> {
    this.#robots.setEnabled(robotName(name), enabled);
  }

  async removeRobot(name: string): Promise<void> {
    this.#robots.remove(robotName(name));
  }

  async listRobots(): Promise<RobotRow[]> {
    return robotRows(this.#robots.list(), this.#readUses);
  }

  async createToken(user: string, name: string, { rights, expiresAt }: TokenOptions): Promise<IssuedSecret> {
    const account = this.#accounts.adopt(user);
    if (account?.kind !== 'user') throw unknownUser(user);
    checkTokenName(name);
    checkLimit(rights);
    checkExpiry(expiresAt);
    const secret = makeSecret('personal-token');
    const id = publicId(secret);
    this.#tokens.add(account.id, { id, name, secretHash: hashSecret(secret), limit: rights, expiresAt });
    return { id, user, secret, expiresAt: timeText(expiresAt) };
  }

  /** @param user undefined: of all. */
  async listTokens(user?: string): Promise<TokenRow[]> {
    if (user !== undefined && this.#accounts.byName(user)?.kind !== 'user') throw unknownUser(user);
    return tokenRows(this.#tokens.list(user), this.#readUses);
  }

  /** @param idOrSecret the public id, or the whole token as it was found somewhere. @returns what it was. */
  async revokeToken(idOrSecret: string): Promise<TokenRow> {
    const id = tokenId(idOrSecret);
    const [row] = tokenRows([this.#tokens.existing(id)], this.#readUses);
    this.#tokens.remove(id);
    return row!;
  }
}
