import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ActingAdmin, Admin } from '../../gateway/admin.ts';
import { parseScopes } from '../../gateway/identity/index.ts';
import { parseRights } from '../../runtime/repository-rights.ts';
import { basic, openBoth } from './identity-fixture.ts';

const notAllowed = { name: 'AdminError', code: 'NOT_ALLOWED' };

/** alice administers team-a/**, bob nothing; root everything. */
async function open(t: Parameters<typeof openBoth>[0]) {
  const both = await openBoth(t);
  const { admin, identity } = both;
  await admin.addUser('root', 'root-password', { admin: true });
  await admin.addUser('alice', 'alice-password');
  await admin.addUser('bob', 'bob-password');
  await admin.grant('alice', 'team-a/**', ['admin']);
  const as = async (name: string, password = `${name}-password`) =>
    admin.as(await identity.authenticate(basic(name, password)));
  return { ...both, as };
}

test('who administers a pattern gives rights within it, and takes them', async (t) => {
  const { admin, as } = await open(t);
  const alice = await as('alice');
  await alice.grant('bob', 'team-a/app', ['pull', 'push']);
  await alice.grant('bob', 'team-a/**', ['admin']);
  await alice.grant('anonymous', 'team-a/public/**', ['pull']);
  assert.equal((await admin.can('bob', 'push', 'team-a/app')).allowed, true);
  await admin.grant('bob', 'team-b/**', ['pull']);
  const shown = (await alice.listGrants()).map(({ pattern }) => pattern);
  assert.deepEqual(shown, ['team-a/public/**', 'team-a/**', 'team-a/**', 'team-a/app']);
  assert.equal((await (await as('bob')).listGrants()).length, 4);
  await alice.revoke('bob', 'team-a/**');
  await alice.revoke('bob', 'team-a/app', ['push']);
  assert.equal((await admin.can('bob', 'push', 'team-a/app')).allowed, false);
});

test('nobody gives more than the patterns that he administers cover', async (t) => {
  const { admin, as } = await open(t);
  await admin.grant('bob', 'team-b/**', ['pull', 'push', 'delete']);
  const tricks = [
    '**',
    '*',
    '*/**',
    'team-a',
    'team-*/**',
    'team-aa/**',
    'team-a*/x',
    'team-b/**',
    '*/app',
    'alice/**',
  ];
  const before = await admin.listGrants();
  for (const pattern of tricks) {
    await assert.rejects((await as('alice')).grant('alice', pattern, ['pull']), notAllowed, pattern);
    await assert.rejects((await as('alice')).revoke('bob', pattern), notAllowed, pattern);
    await assert.rejects((await as('alice')).addRobot('ci', robotOf(pattern)), notAllowed, pattern);
    await assert.rejects((await as('bob')).grant('bob', pattern, ['pull']), notAllowed, pattern);
  }
  for (const trick of [
    'team-a/../team-b',
    'Team-a/x',
    'team-a//b',
    'team-a/**/x',
    'team-a/{user}',
    'team-a/\u0430',
  ]) {
    await assert.rejects(
      (await as('alice')).grant('alice', trick, ['pull']),
      { code: 'PATTERN_INVALID' },
      trick,
    );
  }
  const mixed = { rights: parseRights('team-a/**=pull team-b/**=pull'), expiresAt: null };
  await assert.rejects((await as('alice')).addRobot('ci', mixed), notAllowed);
  assert.deepEqual(await admin.listGrants(), before);
  assert.deepEqual(await admin.listRobots(), []);
});

function robotOf(pattern: string) {
  return { rights: [{ pattern, actions: ['pull' as const] }], expiresAt: null };
}

test('robots limited to what somebody administers are his to look after, others are not there', async (t) => {
  const { admin, as, identity } = await open(t);
  await admin.addRobot('site', { expiresAt: null });
  await admin.addRobot('elsewhere', robotOf('team-b/**'));
  await admin.addRobot('given', robotOf('team-a/x'));
  const alice = await as('alice');
  const { secret } = await alice.addRobot('own', { ...robotOf('team-a/**'), owner: 'root' });
  assert.deepEqual(
    (await alice.listRobots()).map(({ name, owner }) => [name, owner]),
    [
      ['robot+given', ''],
      ['robot+own', 'alice'],
    ],
  );
  await assert.rejects(alice.addRobot('free', { expiresAt: null }), notAllowed);
  await alice.setRobotEnabled('own', false);
  await assert.rejects(identity.authenticate(basic('robot+own', secret)));
  await alice.setRobotEnabled('own', true);
  const rotated = await alice.rotateRobot('own', null);
  await identity.authenticate(basic('robot+own', rotated.secret));
  for (const name of ['site', 'elsewhere', 'nobody']) {
    const refused = { code: 'ROBOT_UNKNOWN' };
    await assert.rejects(alice.rotateRobot(name, null), refused, name);
    await assert.rejects(alice.setRobotEnabled(name, false), refused, name);
    await assert.rejects(alice.removeRobot(name), refused, name);
    await assert.rejects((await as('bob')).removeRobot('own'), { code: 'ROBOT_UNKNOWN' });
  }
  await alice.removeRobot('own');
  await admin.revoke('alice', 'team-a/**');
  assert.deepEqual(await alice.listRobots(), [], 'the right ended while he was logged in');
  await assert.rejects(alice.removeRobot('given'), { code: 'ROBOT_UNKNOWN' });
  assert.equal((await (await as('root')).listRobots()).length, 3);
});

test('own tokens are made with the password, by nobody else and for nobody else', async (t) => {
  const { admin, as, identity } = await open(t);
  const bobs = await admin.createToken('bob', 'laptop', { expiresAt: null });
  const limited = await admin.createToken('alice', 'limited', {
    rights: parseRights('pull'),
    expiresAt: null,
  });
  const robot = await admin.addRobot('ci', { expiresAt: null });
  const alice = await as('alice');
  const made = await alice.createToken('alice', 'laptop', { rights: parseRights('pull'), expiresAt: null });
  assert.deepEqual(
    (await alice.listTokens()).map(({ name }) => name),
    ['laptop', 'limited'],
  );
  const free = await alice.createToken('alice', 'free', { expiresAt: null });
  const attempts: [what: string, of: ActingAdmin][] = [
    ['another user', await as('bob')],
    ['with a token', await as('alice', made.secret)],
    ['with a token without limits', await as('alice', free.secret)],
    ['a robot', await as('robot+ci', robot.secret)],
    ['nobody', admin.as(await identity.authenticate(undefined))],
    ['with a Bearer token', admin.as(await bearerOf(identity, 'alice-password'))],
  ];
  for (const [what, of] of attempts) {
    await assert.rejects(of.createToken('alice', 'more', { expiresAt: null }), notAllowed, what);
    if (what !== 'with a token without limits')
      await assert.rejects(of.listTokens('alice'), notAllowed, what);
  }
  await assert.rejects(alice.createToken('bob', 'more', { expiresAt: null }), notAllowed);
  await assert.rejects(alice.revokeToken(bobs.id), { code: 'TOKEN_UNKNOWN' });
  await assert.rejects(alice.revokeToken(bobs.secret), { code: 'TOKEN_UNKNOWN' });
  await assert.rejects((await as('alice', limited.secret)).revokeToken(free.id), notAllowed);
  await (await as('alice', free.secret)).revokeToken(made.id);
  await alice.revokeToken(free.secret);
  assert.equal((await admin.listTokens()).length, 2);
});

async function bearerOf(identity: Awaited<ReturnType<typeof open>>['identity'], password: string) {
  const actor = await identity.authenticate(basic('alice', password));
  const { token } = await identity.issueToken(actor, { scopes: parseScopes(['repository:team-a/x:*']) });
  return identity.authenticate(`Bearer ${token}`);
}

test('a Bearer token administers nothing, whatever its user may', async (t) => {
  const { admin, identity } = await open(t);
  const acting = admin.as(await bearerOf(identity, 'alice-password'));
  await assert.rejects(acting.grant('bob', 'team-a/x', ['pull']), notAllowed);
  await assert.rejects(acting.addRobot('ci', robotOf('team-a/x')), notAllowed);
  assert.deepEqual(await acting.listGrants(), []);
});

test('a limit takes away what is not in it, administering too', async (t) => {
  const { admin, as } = await open(t);
  const token = async (name: string, rights: string) =>
    (await admin.createToken('alice', name, { rights: parseRights(rights), expiresAt: null })).secret;
  await assert.rejects(
    (await as('alice', await token('all but', 'pull,push,delete'))).grant('bob', 'team-a/x', ['pull']),
    notAllowed,
  );
  const within = await as('alice', await token('within', 'team-a/b/**=admin'));
  await within.grant('bob', 'team-a/b/x', ['pull']);
  await assert.rejects(within.grant('bob', 'team-a/c', ['pull']), notAllowed);
});

test('a user who is disabled, or another one of his name, changes nothing any more', async (t) => {
  const { admin, as } = await open(t);
  const alice = await as('alice');
  await admin.setEnabled('alice', false);
  await assert.rejects(alice.grant('bob', 'team-a/x', ['pull']), notAllowed);
  await assert.rejects(alice.createToken('alice', 'laptop', { expiresAt: null }), notAllowed);
  await admin.setEnabled('alice', true);
  await assert.rejects(alice.grant('bob', 'team-a/x', ['pull']), notAllowed, 'logged in before');
});

test('administrators are told apart: by account, by limit, by what they logged in with', async (t) => {
  const { admin, as, identity } = await open(t);
  await admin.grant('alice', '**', ['admin']);
  const is = async (of: Promise<ActingAdmin>) => (await of).isAdministrator();
  assert.equal(await is(as('root')), true);
  assert.equal(await is(as('alice')), false, 'admin of every pattern is not admin of users');
  assert.equal(admin.as(await identity.authenticate(undefined)).isAdministrator(), false);
  const asAdmin: Pick<Admin, 'grant' | 'revoke' | 'createToken' | 'revokeToken'> = await as('root');
  assert.equal((await asAdmin.grant('bob', 'x/**', ['pull'])).subject, 'bob');
});
