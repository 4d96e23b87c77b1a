import { coversPattern } from '../../oci/pattern-algebra.ts';
import { formatRights, permits } from '../../runtime/repository-rights.ts';
import type { AccountStore } from './account-store.ts';
import { AdminError } from './admin-error.ts';
import type { Grant } from './decide.ts';
import { GrantStore } from './grant-store.ts';
import { RobotStore } from './robot-store.ts';
import { checkActions, checkPattern } from './rules.ts';
import { readSubject } from './subjects.ts';
import type { Action } from './types.ts';
import type { UsersDatabase } from './users-database.ts';

/** Gives rights and takes them, by the rules that hold whoever does it. */
export class Granting {
  readonly #store: GrantStore;
  readonly #robots: RobotStore;

  readonly #accounts: AccountStore;

  constructor(database: UsersDatabase, accounts: AccountStore) {
    this.#accounts = accounts;
    this.#store = new GrantStore(database);
    this.#robots = new RobotStore(database);
  }

  /** @throws AdminError, LIMIT_EXCEEDED for more than a robot is limited to. */
  grant(subject: string, pattern: string, wanted: readonly Action[]): Grant {
    checkPattern(pattern);
    const actions = checkActions(wanted);
    const { kind, name } = readSubject(subject);
    if (name === '' && actions.includes('admin')) {
      throw new AdminError(
        'ACTIONS_INVALID',
        `"${kind}" is not somebody who could administer; name a user or a team`,
      );
    }
    if (kind === 'robot') this.#checkLimit(name, pattern, actions);
    if (kind === 'user') this.#accounts.adopt(name);
    return this.#store.add(subject, pattern, actions);
  }

  /** @returns what is left; undefined when nothing is. @throws AdminError */
  revoke(subject: string, pattern: string, actions?: readonly Action[]): Grant | undefined {
    return this.#store.remove(subject, pattern, actions && checkActions(actions));
  }

  /** What can have no effect is not granted. */
  #checkLimit(name: string, pattern: string, wanted: readonly Action[]): void {
    const { limit } = this.#robots.existing(name);
    const isWithin = limit?.some(
      ({ pattern: outer, actions }) =>
        coversPattern(outer, pattern) && wanted.every((action) => permits(actions, action)),
    );
    if (limit === undefined || isWithin) return;
    throw new AdminError(
      'LIMIT_EXCEEDED',
      `"${name}" is limited to ${formatRights(limit)}; make another robot for more than that`,
    );
  }
}
