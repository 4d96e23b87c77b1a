import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Actor, type Identity, LoginFailure, parseScopes } from '../../gateway/identity/index.ts';
import { parseRights } from '../../runtime/repository-rights.ts';
import { basic, openBoth } from './identity-fixture.ts';

const day = 86_400_000;

async function open(t: Parameters<typeof openBoth>[0], flags = {}) {
  const both = await openBoth(t, flags);
  await both.admin.addUser('root', 'root-password', { admin: true });
  await both.admin.addUser('alice', 'alice-password');
  await both.admin.addUser('bob', 'bob-password');
  return both;
}

async function refusedLogin(identity: Identity, name: string, secret: string, reason: string): Promise<void> {
  await assert.rejects(identity.authenticate(basic(name, secret)), (error: unknown) => {
    assert.ok(error instanceof LoginFailure, String(error));
    assert.equal(error.reason, reason);
    assert.doesNotMatch(error.toBody(), /gatehouse_/);
    return true;
  });
}

/** A Bearer token that was issued for credentials, as an actor. */
async function bearer(identity: Identity, actor: Actor, scope: string) {
  const { token } = await identity.issueToken(actor, { scopes: parseScopes([scope]) });
  return { header: `Bearer ${token}`, actor: await identity.authenticate(`Bearer ${token}`) };
}

test('a member may what his team may, and the decision names the team', async (t) => {
  const { identity, admin } = await open(t);
  await admin.createTeam('dev');
  await admin.grant('team:dev', 'dev-images/**', ['pull', 'push']);
  const alice = await identity.authenticate(basic('alice', 'alice-password'));
  const ask = () => identity.decide(alice, 'dev-images/app', 'push');
  assert.equal(ask().reason, 'no-grant');
  assert.equal(await admin.addMember('dev', 'alice'), true);
  assert.equal(await admin.addMember('dev', 'alice'), false);
  assert.deepEqual(ask(), {
    allowed: true,
    reason: 'grant',
    grant: { subject: 'team:dev', pattern: 'dev-images/**', actions: ['pull', 'push'] },
  });
  assert.ok(identity.readablePatterns(alice).includes('dev-images/**'));
  assert.equal((await admin.can('bob', 'pull', 'dev-images/app')).allowed, false);
  await admin.removeMember('dev', 'alice');
  assert.equal(ask().allowed, false);
  await admin.addMember('dev', 'alice');
  await admin.deleteTeam('dev');
  assert.equal(ask().allowed, false);
  await admin.createTeam('dev');
  assert.deepEqual(await admin.listGrants(), [], 'a team of the same name starts with nothing');
  assert.deepEqual(
    (await admin.listTeams()).map(({ members }) => members),
    [[]],
  );
});

test('a user who goes leaves his teams, and one of his name is in none', async (t) => {
  const { admin } = await open(t);
  await admin.createTeam('dev');
  await admin.grant('team:dev', 'dev/**', ['pull']);
  await admin.addMember('dev', 'alice');
  await admin.removeUser('alice');
  await admin.addUser('alice', 'alice-password');
  assert.equal((await admin.can('alice', 'pull', 'dev/app')).allowed, false);
});

test('users and teams share one set of names', async (t) => {
  const { admin } = await open(t);
  await admin.createTeam('dev');
  await assert.rejects(admin.createTeam('dev'), { code: 'TEAM_EXISTS' });
  await assert.rejects(admin.createTeam('alice'), { code: 'USER_EXISTS' });
  await assert.rejects(admin.addUser('dev', 'some-password'), { code: 'TEAM_EXISTS' });
  for (const name of ['Dev', 'a/b', 'team:x', '', '*']) {
    await assert.rejects(admin.createTeam(name), { code: 'NAME_INVALID' });
  }
  await assert.rejects(admin.createTeam('anonymous'), { code: 'NAME_RESERVED' });
  await assert.rejects(admin.addMember('dev', 'nobody'), { code: 'USER_UNKNOWN' });
  await assert.rejects(admin.addMember('nobody', 'alice'), { code: 'TEAM_UNKNOWN' });
  await assert.rejects(admin.removeMember('dev', 'alice'), { code: 'MEMBER_UNKNOWN' });
  await assert.rejects(admin.deleteTeam('nobody'), { code: 'TEAM_UNKNOWN' });
  await assert.rejects(admin.grant('team:nobody', 'a/**', ['pull']), { code: 'TEAM_UNKNOWN' });
});

test('templates give by name, to users and to the members of teams', async (t) => {
  const { identity, admin } = await open(t, {
    'auth.own_namespace': 'off',
    'auth.template_grants': 'home/{user}/**=pull,push,teams/{team}/**=pull',
  });
  await admin.createTeam('dev');
  await admin.addMember('dev', 'alice');
  const alice = await identity.authenticate(basic('alice', 'alice-password'));
  assert.deepEqual(identity.decide(alice, 'home/alice/app', 'push'), {
    allowed: true,
    reason: 'template',
    grant: {
      subject: 'alice',
      pattern: 'home/alice/**',
      actions: ['pull', 'push'],
      template: 'home/{user}/**',
    },
  });
  assert.equal(identity.decide(alice, 'teams/dev/app', 'pull').grant?.subject, 'team:dev');
  for (const repository of [
    'home/bob/app',
    'alice/app',
    'teams/ops/app',
    'teams/alice/app',
    'home/dev/app',
  ]) {
    assert.equal(identity.decide(alice, repository, 'pull').allowed, false, repository);
  }
});

test('a personal token is the password of its user, as far as its rights go', async (t) => {
  const { identity, admin } = await open(t);
  await admin.grant('alice', 'team-a/**', ['pull', 'push']);
  await admin.grant('anonymous', 'public/**', ['pull']);
  const rights = parseRights('team-a/**=pull */base=push');
  const { id, secret } = await admin.createToken('alice', 'laptop', { rights, expiresAt: null });
  const actor = await identity.authenticate(basic('alice', secret));
  assert.equal(actor.name, 'alice');
  assert.deepEqual(actor.credential, { kind: 'personal-token', id });
  const may = (repository: string, action: 'pull' | 'push') =>
    identity.decide(actor, repository, action).reason;
  assert.equal(may('team-a/app', 'pull'), 'grant');
  assert.equal(may('team-a/app', 'push'), 'limit');
  assert.equal(may('team-a/base', 'push'), 'grant');
  assert.equal(may('team-b/base', 'push'), 'no-grant', 'a token adds nothing');
  assert.equal(may('alice/app', 'pull'), 'limit');
  assert.equal(may('public/app', 'pull'), 'grant', 'what anybody may is never taken away');
  assert.deepEqual(identity.readablePatterns(actor), ['team-a/**', 'public/**']);
  const scope = 'repository:team-a/app:pull,push repository:alice/app:pull';
  const issued = await identity.issueToken(actor, { scopes: parseScopes([scope]) });
  assert.equal(issued.scope, 'repository:team-a/app:pull');
  assert.equal((await admin.can('alice', 'push', 'team-a/app', id)).reason, 'limit');
  await admin.revoke('alice', 'team-a/**', ['pull']);
  assert.equal(may('team-a/app', 'pull'), 'no-grant');
});

test('an administrator with a limited token is limited', async (t) => {
  const { identity, admin } = await open(t);
  const { secret } = await admin.createToken('root', 'backup', {
    rights: parseRights('pull'),
    expiresAt: null,
  });
  const actor = await identity.authenticate(basic('root', secret));
  assert.equal(identity.decide(actor, 'any/thing', 'pull').reason, 'admin');
  assert.equal(identity.decide(actor, 'any/thing', 'push').reason, 'limit');
  assert.deepEqual(identity.readablePatterns(actor), ['**']);
  assert.equal(admin.as(actor).isAdministrator(), false);
});

test('a personal token goes with its user only, and a wrong one tells nothing', async (t) => {
  const { identity, admin } = await open(t);
  const { id, secret } = await admin.createToken('alice', 'laptop', { expiresAt: null });
  const other = await admin.createToken('bob', 'laptop', { expiresAt: null });
  await refusedLogin(identity, 'bob', secret, 'token');
  await refusedLogin(identity, 'root', secret, 'token');
  await refusedLogin(identity, 'nobody', secret, 'token');
  await refusedLogin(identity, 'robot+ci', secret, 'token');
  const mixed = secret.slice(0, 26) + other.secret.slice(26);
  await refusedLogin(identity, 'alice', mixed, 'token');
  await refusedLogin(identity, 'alice', secret.slice(0, -1), 'token');
  await refusedLogin(identity, 'alice', `${secret}\u00e4`, 'token');
  await assert.rejects(admin.addUser('carol', secret), { code: 'PASSWORD_INVALID' });
  await admin.setEnabled('alice', false);
  await refusedLogin(identity, 'alice', secret, 'disabled');
  await admin.setEnabled('alice', true);
  assert.equal((await identity.authenticate(basic('alice', secret))).name, 'alice');
  await admin.revokeToken(id);
  await refusedLogin(identity, 'alice', secret, 'token');
  await assert.rejects(admin.revokeToken(id), { code: 'TOKEN_UNKNOWN' });
  await admin.revokeToken(other.secret);
  await refusedLogin(identity, 'bob', other.secret, 'token');
});

test('a Bearer token is void with the personal token that it was issued for, and with no other', async (t) => {
  const { identity, admin } = await open(t);
  const scope = 'repository:alice/app:pull';
  const [one, two] = await Promise.all(
    ['one', 'two'].map((name) => admin.createToken('alice', name, { expiresAt: null })),
  );
  const first = await bearer(identity, await identity.authenticate(basic('alice', one!.secret)), scope);
  const second = await bearer(identity, await identity.authenticate(basic('alice', two!.secret)), scope);
  const third = await bearer(identity, await identity.authenticate(basic('alice', 'alice-password')), scope);
  assert.deepEqual(first.actor.issuedTo, { kind: 'personal-token', id: one!.id });
  assert.equal(first.actor.credential?.kind, 'bearer');
  assert.equal(identity.decide(first.actor, 'alice/app', 'pull').allowed, true);
  await admin.revokeToken(one!.id);
  await assert.rejects(identity.authenticate(first.header), { detail: { reason: 'revoked' } });
  assert.equal(identity.decide(first.actor, 'alice/app', 'pull').allowed, false, 'an actor of before');
  await identity.authenticate(second.header);
  await identity.authenticate(third.header);
});

test('a Bearer token issued for a limited personal token stays limited', async (t) => {
  const { identity, admin } = await open(t);
  const { secret } = await admin.createToken('alice', 'laptop', {
    rights: parseRights('alice/a=pull'),
    expiresAt: null,
  });
  const actor = await identity.authenticate(basic('alice', secret));
  const catalog = await bearer(identity, actor, 'registry:catalog:*');
  assert.deepEqual(identity.readablePatterns(catalog.actor), ['alice/a']);
  const none = await bearer(identity, actor, 'repository:alice/b:pull,push');
  assert.equal(identity.decide(none.actor, 'alice/b', 'pull').allowed, false);
});

test('a personal token and a robot end, and Bearer tokens with them', async (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() });
  const { identity, admin } = await open(t);
  const expiresAt = Date.now() + 60_000;
  const token = await admin.createToken('alice', 'laptop', { expiresAt });
  const robot = await admin.addRobot('ci', { rights: parseRights('alice/**=pull'), expiresAt });
  const scope = 'repository:alice/app:pull';
  const issued = [];
  for (const { user, secret } of [token, robot]) {
    issued.push(await bearer(identity, await identity.authenticate(basic(user, secret)), scope));
  }
  t.mock.timers.tick(59_999);
  for (const { actor } of issued) assert.equal(identity.decide(actor, 'alice/app', 'pull').allowed, true);
  t.mock.timers.tick(1);
  for (const { user, secret } of [token, robot]) await refusedLogin(identity, user, secret, 'expired');
  for (const { header, actor } of issued) {
    await assert.rejects(identity.authenticate(header), { detail: { reason: 'revoked' } });
    assert.equal(identity.decide(actor, 'alice/app', 'pull').allowed, false);
  }
  for (const end of [Date.now(), Date.now() - day, Number.NaN, 1.5]) {
    await assert.rejects(admin.createToken('alice', 'other', { expiresAt: end }), { code: 'EXPIRY_INVALID' });
  }
});

test('a robot may what is granted to it within its limit, and owns nothing by its name', async (t) => {
  const { identity, admin } = await open(t);
  await admin.grant('authenticated', 'shared/**', ['pull']);
  await admin.grant('anonymous', 'public/**', ['pull']);
  const rights = parseRights('team-a/**=pull,push shared/tool=pull');
  const { secret, user } = await admin.addRobot('ci', { rights, expiresAt: null });
  assert.equal(user, 'robot+ci');
  const actor = await identity.authenticate(basic('robot+ci', secret));
  assert.deepEqual([actor.kind, actor.name], ['robot', 'robot+ci']);
  const table: [string, 'pull' | 'push' | 'delete', string][] = [
    ['team-a/app', 'push', 'grant'],
    ['team-a/app', 'delete', 'no-grant'],
    ['shared/tool', 'pull', 'grant'],
    ['shared/other', 'pull', 'limit'],
    ['public/app', 'pull', 'grant'],
    ['robot/app', 'push', 'no-grant'],
    ['ci/app', 'push', 'no-grant'],
  ];
  for (const [repository, action, reason] of table) {
    assert.equal(identity.decide(actor, repository, action).reason, reason, repository);
    assert.equal((await admin.can('robot+ci', action, repository)).reason, reason, repository);
  }
  await assert.rejects(admin.grant('robot+ci', 'team-b/**', ['pull']), { code: 'LIMIT_EXCEEDED' });
  await assert.rejects(admin.grant('robot+ci', 'team-a/**', ['delete']), { code: 'LIMIT_EXCEEDED' });
  await assert.rejects(admin.grant('robot+ci', '**', ['pull']), { code: 'LIMIT_EXCEEDED' });
  await admin.revoke('robot+ci', 'team-a/**', ['push']);
  await admin.grant('robot+ci', 'team-a/b', ['push']);
  assert.equal(identity.decide(actor, 'team-a/app', 'push').reason, 'no-grant');
  assert.equal(identity.decide(actor, 'team-a/b', 'push').reason, 'grant');
});

test('a robot is no user: it has no password, and users cannot have its name', async (t) => {
  const { identity, admin } = await open(t);
  const { secret } = await admin.addRobot('ci', { expiresAt: null });
  await refusedLogin(identity, 'ci', secret, 'token');
  await refusedLogin(identity, 'robot+ci', '', 'unknown');
  await refusedLogin(identity, 'robot+ci', 'some-password', 'unknown');
  await assert.rejects(admin.addUser('robot+ci', 'some-password'), { code: 'NAME_INVALID' });
  for (const attempt of [
    admin.setPassword('robot+ci', 'some-password'),
    admin.setEnabled('robot+ci', false),
    admin.removeUser('robot+ci'),
    admin.createToken('robot+ci', 'laptop', { expiresAt: null }),
  ]) {
    await assert.rejects(attempt, { code: 'USER_UNKNOWN' });
  }
  assert.deepEqual(
    (await admin.listUsers()).map(({ name }) => name),
    ['alice', 'bob', 'root'],
  );
  await assert.rejects(admin.addRobot('robot+ci', { expiresAt: null }), { code: 'ROBOT_EXISTS' });
  await admin.addRobot('alice', { expiresAt: null });
});

test('a robot is disabled, rotated and removed at once, for what was issued too', async (t) => {
  const { identity, admin } = await open(t);
  const scope = 'repository:team-a/app:pull';
  const rights = parseRights('team-a/**=pull');
  const { secret } = await admin.addRobot('ci', { rights, expiresAt: null });
  const login = (with_ = secret) => identity.authenticate(basic('robot+ci', with_));
  const before = await bearer(identity, await login(), scope);
  await admin.setRobotEnabled('ci', false);
  await refusedLogin(identity, 'robot+ci', secret, 'disabled');
  await assert.rejects(identity.authenticate(before.header), { detail: { reason: 'revoked' } });
  await admin.setRobotEnabled('ci', true);
  await assert.rejects(identity.authenticate(before.header), { detail: { reason: 'revoked' } });
  const again = await bearer(identity, await login(), scope);
  const rotated = await admin.rotateRobot('ci', null);
  await refusedLogin(identity, 'robot+ci', secret, 'token');
  await assert.rejects(identity.authenticate(again.header), { detail: { reason: 'revoked' } });
  const last = await bearer(identity, await login(rotated.secret), scope);
  await admin.removeRobot('ci');
  await refusedLogin(identity, 'robot+ci', rotated.secret, 'token');
  await assert.rejects(identity.authenticate(last.header), { detail: { reason: 'revoked' } });
  await admin.addRobot('ci', { expiresAt: null });
  assert.deepEqual(await admin.listGrants(), [], 'a robot of the same name starts with nothing');
});

test('admin of a pattern may everything within it, and nothing beyond', async (t) => {
  const { identity, admin } = await open(t);
  await admin.grant('alice', 'team-a/**', ['admin']);
  const alice = await identity.authenticate(basic('alice', 'alice-password'));
  for (const action of ['pull', 'push', 'delete', 'admin'] as const) {
    assert.equal(identity.decide(alice, 'team-a/app', action).reason, 'grant', action);
    assert.equal(identity.decide(alice, 'team-b/app', action).reason, 'no-grant', action);
  }
  assert.equal(
    identity.decide(alice, 'alice/app', 'admin').allowed,
    false,
    'an own namespace is not given away',
  );
  assert.ok(identity.readablePatterns(alice).includes('team-a/**'));
  for (const nobody of ['anonymous', 'authenticated']) {
    await assert.rejects(admin.grant(nobody, 'team-a/**', ['admin']), { code: 'ACTIONS_INVALID' });
  }
});

test('names, rights and descriptions that are none', async (t) => {
  const { admin } = await open(t);
  const expiresAt = null;
  for (const name of ['', ' x', 'x ', 'a\nb', 'a\u009bb', 'ä', 'x'.repeat(65), '<b>']) {
    await assert.rejects(admin.createToken('alice', name, { expiresAt }), { code: 'NAME_INVALID' }, name);
  }
  await admin.createToken('alice', 'GitHub CI (x86)'.replace(/[()]/g, ''), { expiresAt });
  await assert.rejects(admin.createToken('alice', 'GitHub CI x86', { expiresAt }), { code: 'TOKEN_EXISTS' });
  await assert.rejects(admin.createToken('nobody', 'x', { expiresAt }), { code: 'USER_UNKNOWN' });
  await assert.rejects(admin.createToken('alice', 'y', { expiresAt, rights: [] }), {
    code: 'RIGHTS_INVALID',
  });
  for (const pattern of ['Team/**', 'a/../b', 'a/**/b', '', '{user}/**']) {
    const rights = [{ pattern, actions: ['pull' as const] }];
    await assert.rejects(admin.addRobot('ci', { rights, expiresAt }), { code: 'PATTERN_INVALID' }, pattern);
  }
  await assert.rejects(admin.addRobot('ci', { description: 'two\nlines', expiresAt }), {
    code: 'NAME_INVALID',
  });
  await assert.rejects(admin.addRobot('ci', { owner: 'team:nobody', expiresAt }), { code: 'TEAM_UNKNOWN' });
  for (const name of ['CI', 'robot+robot+ci', 'robot+', '', 'a b', 'anonymous']) {
    await assert.rejects(admin.addRobot(name, { expiresAt }), /robot name|stands for/, name);
  }
  assert.deepEqual(await admin.listRobots(), []);
});
