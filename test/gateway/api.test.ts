import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { operations } from '../../gateway/api/operations.ts';
import { as, request } from '../support/http.ts';
import { pushImage } from '../support/push.ts';
import { fileScope } from '../support/scope.ts';
import { called, expectCall as expect } from './api-support.ts';
import { password, startCore, startGateway, type TestGateway } from './support.ts';

let gateway: TestGateway;
let admin: TestGateway;
let alice: TestGateway;
let bob: TestGateway;
before(async () => {
  gateway = await startGateway(fileScope);
  await startCore(fileScope, gateway.data);
  [admin, alice, bob] = ['admin', 'alice', 'bob'].map((user) => as(gateway, user, password)) as [
    TestGateway,
    TestGateway,
    TestGateway,
  ];
  for (const name of ['team/app', 'other/app']) await pushImage(admin, name, 'v1');
});

after(() => {
  const missing = operations.map(({ method, path }) => `${method} ${path}`).filter((key) => !called.has(key));
  assert.deepEqual(missing, [], 'operations that no test here calls');
});

const withToken = (token: string): TestGateway => ({
  ...gateway,
  headers: { authorization: `Bearer ${token}` },
});

async function bearerOf(target: TestGateway, scope: string): Promise<TestGateway> {
  return withToken((await request(target, { path: `/token?scope=${scope}` })).json.token);
}

test('me: who I am, and what I may', async () => {
  assert.deepEqual((await expect(200, gateway, 'GET /api/v1/me')).json, {
    name: '',
    kind: 'anonymous',
    administrator: false,
    credential: null,
  });
  assert.deepEqual((await expect(200, admin, 'GET /api/v1/me')).json, {
    name: 'admin',
    kind: 'user',
    administrator: true,
    credential: 'password',
  });
  const rights = (await expect(200, bob, 'GET /api/v1/me/rights')).json;
  assert.deepEqual(rights.readable.sort(), ['bob/**', 'team/**']);
  const yes = (await expect(200, bob, 'GET /api/v1/can?action=pull&repository=team/app')).json;
  assert.deepEqual([yes.allowed, yes.grant.pattern], [true, 'team/**']);
  assert.equal(
    (await expect(200, bob, 'GET /api/v1/can?action=push&repository=team/app')).json.allowed,
    false,
  );
});

test('repositories and tags: what the caller may pull', async () => {
  const names = async (target: TestGateway, query = '') =>
    (await expect(200, target, `GET /api/v1/repositories${query}`)).json.repositories;
  assert.deepEqual(await names(admin), ['other/app', 'team/app']);
  assert.deepEqual(await names(bob), ['team/app']);
  assert.deepEqual(await names(admin, '?q=OTHER'), ['other/app']);
  assert.deepEqual(await names(admin, '?n=1&last=other/app'), ['team/app']);
  assert.deepEqual(
    await names(await bearerOf(admin, 'repository:team/app:pull')).catch(() => 'refused'),
    'refused',
  );
  const tags = await expect(200, bob, 'GET /api/v1/tags?repository=team/app');
  assert.deepEqual(tags.json, { name: 'team/app', tags: ['v1'] });
  await expect(403, bob, 'GET /api/v1/tags?repository=other/app');
  await expect(404, admin, 'GET /api/v1/tags?repository=no/such');
  await expect(400, admin, 'GET /api/v1/tags?repository=NO');
  await expect(401, gateway, 'GET /api/v1/repositories');
});

test('a password is changed with the current one, and only with it', async () => {
  await gateway.admin.addUser('dora', password);
  const dora = as(gateway, 'dora', password);
  const token = await bearerOf(dora, 'repository:dora/app:pull');
  const change = (currentPassword: string, newPassword: string) => ({ currentPassword, newPassword });
  await expect(401, dora, 'PUT /api/v1/me/password', change('not the password', 'a new good password'));
  await expect(400, dora, 'PUT /api/v1/me/password', change(password, 'short'));
  await expect(403, token, 'PUT /api/v1/me/password', change(password, 'a new good password'));
  await expect(204, dora, 'PUT /api/v1/me/password', change(password, 'a new good password'));
  await expect(401, dora, 'GET /api/v1/me');
  await expect(401, token, 'GET /api/v1/me');
  await expect(200, as(gateway, 'dora', 'a new good password'), 'GET /api/v1/me');
});

test('personal tokens: made with the password, listed, limited, revoked', async () => {
  const rights = [{ pattern: 'team/**', actions: ['pull'] }];
  const made = (await expect(201, alice, 'POST /api/v1/me/tokens', { name: 'ci', rights })).json;
  assert.equal(made.user, 'alice');
  const [listed] = (await expect(200, alice, 'GET /api/v1/me/tokens')).json.tokens;
  assert.deepEqual([listed.id, listed.name, listed.rights], [made.id, 'ci', rights]);
  const limited = as(gateway, 'alice', made.secret);
  assert.equal((await expect(200, limited, 'GET /api/v1/me')).json.credential, 'personal-token');
  assert.deepEqual((await expect(200, limited, 'GET /api/v1/me/rights')).json.limit, rights);
  assert.equal(
    (await expect(200, limited, 'GET /api/v1/can?action=push&repository=team/app')).json.allowed,
    false,
  );
  await expect(403, limited, 'POST /api/v1/me/tokens', { name: 'more' });
  await expect(403, limited, 'GET /api/v1/me/tokens');
  await expect(403, limited, 'GET /api/v1/me/sessions');
  await expect(404, bob, `DELETE /api/v1/me/tokens/${made.id}`);
  await expect(204, alice, `DELETE /api/v1/me/tokens/${made.id}`);
  await expect(401, limited, 'GET /api/v1/me');
});

test('a token of a limited kind is no administrator', async () => {
  const rights = [{ pattern: '**', actions: ['pull'] }];
  const made = (await expect(201, admin, 'POST /api/v1/me/tokens', { name: 'reader', rights })).json;
  for (const limited of [
    as(gateway, 'admin', made.secret),
    await bearerOf(admin, 'repository:team/app:pull'),
  ]) {
    assert.equal((await expect(200, limited, 'GET /api/v1/me')).json.administrator, false);
    await expect(403, limited, 'GET /api/v1/users');
    await expect(403, limited, 'POST /api/v1/users', { name: 'eve', password, admin: true });
    await expect(403, limited, 'POST /api/v1/grants', { subject: 'bob', pattern: '**', actions: ['push'] });
    assert.deepEqual((await expect(200, limited, 'GET /api/v1/audit')).json.entries, []);
  }
  assert.ok(!(await gateway.admin.listUsers()).some(({ name }) => name === 'eve'));
});

test('sessions: my devices, and those of others for administrators', async () => {
  const login = async (target: TestGateway) =>
    request(target, { path: '/token?offline_token=true&client_id=docker' });
  await login(alice);
  await login(alice);
  await login(bob);
  const own = (await expect(200, alice, 'GET /api/v1/me/sessions')).json.sessions;
  assert.equal(own.length, 2);
  await expect(404, bob, `DELETE /api/v1/me/sessions/${own[0].id}`);
  await expect(204, alice, `DELETE /api/v1/me/sessions/${own[0].id}`);
  const all = (await expect(200, admin, 'GET /api/v1/sessions')).json.sessions;
  assert.deepEqual(all.map(({ user }: { user: string }) => user).sort(), ['alice', 'bob']);
  const [last] = (await expect(200, admin, 'GET /api/v1/sessions?user=bob')).json.sessions;
  await expect(204, admin, `DELETE /api/v1/sessions/${last.id}`);
  await expect(404, admin, `DELETE /api/v1/sessions/${last.id}`);
});

test('users and their tokens, for administrators', async () => {
  await expect(403, alice, 'GET /api/v1/users');
  await expect(401, gateway, 'GET /api/v1/users');
  await expect(204, admin, 'POST /api/v1/users', { name: 'eric', password });
  await expect(409, admin, 'POST /api/v1/users', { name: 'eric', password });
  const eric = as(gateway, 'eric', password);
  await expect(201, eric, 'POST /api/v1/me/tokens', { name: 'x', expiresAt: '2100-01-01T00:00:00Z' });
  const [token] = (await expect(200, admin, 'GET /api/v1/tokens?user=eric')).json.tokens;
  await expect(204, admin, `DELETE /api/v1/tokens/${token.id}`);
  await expect(204, admin, 'PATCH /api/v1/users/eric', { enabled: false });
  await expect(401, eric, 'GET /api/v1/me');
  await expect(204, admin, 'PATCH /api/v1/users/eric', { enabled: true, password: 'the second password' });
  await expect(200, as(gateway, 'eric', 'the second password'), 'GET /api/v1/me');
  const users = (await expect(200, admin, 'GET /api/v1/users')).json.users;
  assert.ok(users.some(({ name }: { name: string }) => name === 'eric'));
  await expect(204, admin, 'DELETE /api/v1/users/eric');
  await expect(404, admin, 'DELETE /api/v1/users/eric');
  await expect(409, admin, 'DELETE /api/v1/users/admin');
});

test('teams', async () => {
  await expect(403, alice, 'POST /api/v1/teams', { name: 'dev' });
  await expect(204, admin, 'POST /api/v1/teams', { name: 'dev' });
  await expect(204, admin, 'PUT /api/v1/teams/dev/members/bob');
  assert.deepEqual((await expect(200, admin, 'GET /api/v1/teams')).json.teams[0].members, ['bob']);
  await expect(204, admin, 'DELETE /api/v1/teams/dev/members/bob');
  await expect(204, admin, 'DELETE /api/v1/teams/dev');
});

test('rights, robots and the audit trail of those who administer a pattern: within it', async () => {
  const grant = (target: TestGateway, status: number, pattern: string) =>
    expect(status, target, 'POST /api/v1/grants', { subject: 'bob', pattern, actions: ['push'] });
  await expect(200, admin, 'POST /api/v1/grants', {
    subject: 'alice',
    pattern: 'team/**',
    actions: ['admin'],
  });
  await grant(alice, 200, 'team/x/**');
  await grant(alice, 403, '**');
  await grant(bob, 403, 'team/x/**');
  const can = await expect(200, admin, 'GET /api/v1/users/bob/can?action=push&repository=team/x/y');
  assert.deepEqual([can.json.allowed, can.json.grant.pattern], [true, 'team/x/**']);
  await gateway.admin.grant('bob', 'other/**', ['pull']);
  const grants = (await expect(200, alice, 'GET /api/v1/grants?subject=bob')).json.grants;
  assert.deepEqual(grants.map(({ pattern }: { pattern: string }) => pattern).sort(), [
    'team/**',
    'team/x/**',
  ]);
  await expect(403, alice, 'DELETE /api/v1/grants?subject=bob&pattern=other/**');
  await expect(204, alice, 'DELETE /api/v1/grants?subject=bob&pattern=team/x/**&actions=push');
  const rights = [{ pattern: 'team/**', actions: ['pull'] }];
  const robot = (await expect(201, alice, 'POST /api/v1/robots', { name: 'ci', rights })).json;
  await expect(403, alice, 'POST /api/v1/robots', {
    name: 'ci2',
    rights: [{ pattern: '**', actions: ['pull'] }],
  });
  await expect(200, as(gateway, robot.user, robot.secret), 'GET /api/v1/me');
  assert.deepEqual((await expect(200, alice, 'GET /api/v1/robots')).json.robots.length, 1);
  assert.deepEqual((await expect(200, bob, 'GET /api/v1/robots')).json.robots, []);
  await expect(404, bob, 'DELETE /api/v1/robots/robot+ci');
  await expect(201, alice, 'POST /api/v1/robots/robot+ci/secret', {});
  await expect(401, as(gateway, robot.user, robot.secret), 'GET /api/v1/me');
  await expect(204, alice, 'PATCH /api/v1/robots/robot+ci', { enabled: false });
  await expect(204, alice, 'DELETE /api/v1/robots/robot+ci');
});

test('the audit trail: changes by the API are in it, and everybody sees his own part', async () => {
  await expect(204, admin, 'POST /api/v1/users', { name: 'fred', password });
  await expect(204, admin, 'PATCH /api/v1/users/fred', { password: 'another of fred', enabled: false });
  const query = 'GET /api/v1/audit?user=fred&limit=2';
  const first = (await expect(200, admin, query)).json;
  const second = (await expect(200, admin, `${query}&after=${first.next}`)).json;
  const entries = [...first.entries, ...second.entries];
  assert.deepEqual(
    entries.map(({ action, actor, credential }) => [action, actor, credential]),
    [
      ['user.disable', 'admin', 'password'],
      ['user.password', 'admin', 'password'],
      ['user.add', 'admin', 'password'],
    ],
  );
  assert.doesNotMatch(JSON.stringify(entries), /another of fred/);
  const seen = (await expect(200, bob, 'GET /api/v1/audit')).json.entries;
  assert.deepEqual(seen, []);
  await expect(400, admin, 'GET /api/v1/audit?after=x');
  await expect(400, admin, 'GET /api/v1/audit?since=yesterday');
});
