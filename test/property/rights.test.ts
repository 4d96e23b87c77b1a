import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Admin, openAdmin } from '../../gateway/admin.ts';
import { AccountStore } from '../../gateway/identity/account-store.ts';
import { decide, narrowScopes, readablePatterns } from '../../gateway/identity/decide.ts';
import { decideAdministration } from '../../gateway/identity/decide-administration.ts';
import { LiveRights } from '../../gateway/identity/live-rights.ts';
import { type Action, type Actor, actions } from '../../gateway/identity/types.ts';
import { openUsersDatabase } from '../../gateway/identity/users-database.ts';
import { matchesAny, matchesPattern } from '../../oci/repository-pattern.ts';
import { loadConfig } from '../../runtime/config.ts';
import type { RepositoryRight } from '../../runtime/repository-rights.ts';
import { temporaryDirectory } from '../support/files.ts';
import { change, limit, mergeRights, patterns } from './rights-changes.ts';
import { RightsModel } from './rights-model.ts';

const repositories = [
  'dev/app',
  'dev/base',
  'dev/x/app',
  'alice/app',
  'bob/x/y',
  'base',
  'x/base',
  'devx/app',
  'ops',
];
const names = ['alice', 'bob', 'root', 'robot+ci', 'anonymous'];

test('what is decided is what the plain model says, whatever was changed before', async (t) => {
  const directory = await temporaryDirectory(t, 'rights');
  let [run, allowed, denied] = [0, 0, 0];
  await fc.assert(
    fc.asyncProperty(
      fc.array(change, { minLength: 1, maxLength: 12 }),
      limit,
      async (changes, tokenLimit) => {
        const config = loadConfig({
          environment: {},
          flags: { data: join(directory, String(run++)) },
        }).config;
        const admin = await openAdmin(config);
        const database = openUsersDatabase(join(config.data, 'users.db'));
        try {
          const { model, token } = await begin(
            admin,
            new AccountStore(database),
            tokenLimit && mergeRights(tokenLimit),
          );
          const live = new LiveRights(database, {
            templates: [{ pattern: '{user}/**', actions: ['pull', 'push', 'delete'] }],
          });
          for (const make of changes) {
            await make(admin, model);
            for (const name of names) {
              const kind = name === 'anonymous' ? 'anonymous' : name.startsWith('robot+') ? 'robot' : 'user';
              const found = check(live, { name: kind === 'anonymous' ? '' : name, kind }, (...wish) =>
                model.may(name, undefined, ...wish),
              );
              allowed += found;
              denied += repositories.length * actions.length - found;
            }
            const credential = { kind: 'personal-token' as const, id: token };
            const limits = tokenLimit && mergeRights(tokenLimit);
            check(live, { name: 'alice', kind: 'user', credential }, (...wish) =>
              model.may('alice', limits, ...wish),
            );
          }
        } finally {
          admin.close();
          database.close();
        }
      },
    ),
    { numRuns: 60 },
  );
  assert.ok(allowed > 1000 && denied > 1000, `${allowed} were allowed, ${denied} denied`);
});

async function begin(admin: Admin, accounts: AccountStore, tokenLimit: RepositoryRight[] | undefined) {
  const model = new RightsModel();
  for (const [name, isAdmin] of [
    ['alice', false],
    ['bob', false],
    ['root', true],
  ] as const) {
    accounts.add(name, 'no hash of anything', isAdmin);
    model.users.set(name, { admin: isAdmin, enabled: true });
  }
  for (const team of ['dev', 'ops']) {
    await admin.createTeam(team);
    model.teams.set(team, new Set());
  }
  const { id } = await admin.createToken('alice', 'limited', { rights: tokenLimit, expiresAt: null });
  return { model, token: id };
}

/** @returns how much is allowed. */
function check(
  live: LiveRights,
  actor: Pick<Actor, 'name' | 'kind' | 'credential'>,
  may: (repository: string, action: Action) => boolean,
): number {
  const rights = live.rightsOf(actor);
  const readable = readablePatterns(rights, undefined);
  let count = 0;
  for (const repository of repositories) {
    const scope = { type: 'repository', name: repository, actions: [...actions, '*'] };
    const [narrowed] = narrowScopes(rights, [scope]);
    for (const action of actions) {
      const wanted = may(repository, action);
      const what = `${actor.name || 'anonymous'} ${action} ${repository}`;
      assert.equal(decide(rights, undefined, repository, action).allowed, wanted, what);
      assert.equal(
        decide(rights, [], repository, action).allowed,
        false,
        `${what}, with a token for nothing`,
      );
      if (action !== 'admin')
        assert.equal(narrowed?.actions.includes(action) ?? false, wanted, `${what}, scope`);
      if (wanted) count++;
    }
    assert.equal(
      matchesAny(readable, repository),
      may(repository, 'pull'),
      `${actor.name} sees ${repository}`,
    );
  }
  for (const of of patterns) {
    if (!decideAdministration(rights, undefined, of).allowed) continue;
    const within = repositories.filter((repository) => matchesPattern(of, repository));
    for (const repository of within) assert.ok(may(repository, 'admin'), `${actor.name} administers ${of}`);
  }
  return count;
}
