import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Admin } from '../../gateway/admin.ts';
import { type Action, actions } from '../../gateway/identity/types.ts';
import type { RepositoryRight } from '../../runtime/repository-rights.ts';
import type { RightsModel } from './rights-model.ts';

export const patterns = [
  '**',
  'dev/**',
  'dev/*',
  '*/base',
  'dev/app',
  'alice/**',
  'dev*/**',
  '*/*',
  'ops',
  'bob/x/**',
  'd*',
];
const pattern = fc.constantFrom(...patterns);
const subject = fc.constantFrom(
  'alice',
  'bob',
  'team:dev',
  'team:ops',
  'robot+ci',
  'anonymous',
  'authenticated',
);
const someActions = fc.subarray([...actions], { minLength: 1 });
export const limit = fc.option(
  fc.array(fc.record({ pattern, actions: someActions }), { minLength: 1, maxLength: 3 }),
  { nil: undefined },
);

/** Makes a change in the real thing and in the model. */
export type Change = (admin: Admin, model: RightsModel) => Promise<void>;

const granting =
  (to: string, of: string, wanted: Action[]): Change =>
  async (admin, model) => {
    try {
      await admin.grant(to, of, wanted);
    } catch (error) {
      // What a robot is limited to, and that nobody in particular administers, is for other tests.
      if (['LIMIT_EXCEEDED', 'ROBOT_UNKNOWN', 'ACTIONS_INVALID'].includes((error as { code: string }).code))
        return;
      throw error;
    }
    for (const action of wanted) model.grants.push({ subject: to, pattern: of, action });
  };

const revoking =
  (from: string, of: string, taken: Action[]): Change =>
  async (admin, model) => {
    const kept = model.grants.filter(
      (grant) => !(grant.subject === from && grant.pattern === of && taken.includes(grant.action)),
    );
    const refused = await admin.revoke(from, of, taken).then(
      () => false,
      () => true,
    );
    assert.equal(refused, kept.length === model.grants.length, `revoke ${from} ${of} ${taken}`);
    model.grants.splice(0, Number.POSITIVE_INFINITY, ...kept);
  };

const joining =
  (team: string, user: string): Change =>
  async (admin, model) => {
    await admin.addMember(team, user);
    model.teams.get(team)!.add(user);
  };

const leaving =
  (team: string, user: string): Change =>
  async (admin, model) => {
    if (model.teams.get(team)!.delete(user)) await admin.removeMember(team, user);
  };

const newRobot =
  (rights: RepositoryRight[] | undefined): Change =>
  async (admin, model) => {
    const merged = rights && mergeRights(rights);
    if (model.robots.has('robot+ci')) await admin.removeRobot('ci');
    await admin.addRobot('ci', { rights: merged, expiresAt: null });
    model.robots.set('robot+ci', { enabled: true, limit: merged });
    model.grants.splice(
      0,
      Number.POSITIVE_INFINITY,
      ...model.grants.filter((grant) => grant.subject !== 'robot+ci'),
    );
    for (const { pattern: of, actions: wanted } of merged ?? []) {
      for (const action of wanted) model.grants.push({ subject: 'robot+ci', pattern: of, action });
    }
  };

export function mergeRights(rights: RepositoryRight[]): RepositoryRight[] {
  return [...new Set(rights.map((right) => right.pattern))].map((of) => ({
    pattern: of,
    actions: actions.filter((action) =>
      rights.some((right) => right.pattern === of && right.actions.includes(action)),
    ),
  }));
}

const enabling =
  (name: string, enabled: boolean): Change =>
  async (admin, model) => {
    const account = model.users.get(name) ?? model.robots.get(name);
    if (!account) return;
    await (name === 'robot+ci' ? admin.setRobotEnabled(name, enabled) : admin.setEnabled(name, enabled));
    account.enabled = enabled;
  };

export const change: fc.Arbitrary<Change> = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(subject, pattern, someActions).map((grant) => granting(...grant)) },
  { weight: 2, arbitrary: fc.tuple(subject, pattern, someActions).map((grant) => revoking(...grant)) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.constantFrom('dev', 'ops'), fc.constantFrom('alice', 'bob'))
      .map((pair) => joining(...pair)),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.constantFrom('dev', 'ops'), fc.constantFrom('alice', 'bob'))
      .map((pair) => leaving(...pair)),
  },
  { weight: 1, arbitrary: limit.map(newRobot) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.constantFrom('alice', 'bob', 'robot+ci'), fc.boolean())
      .map((pair) => enabling(...pair)),
  },
);
