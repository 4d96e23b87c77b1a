import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Scope } from '../support/scope.ts';
import { onData } from './support.ts';

async function withUsers(t: Scope, ...names: string[]) {
  const { cli, data } = await onData(t);
  for (const name of names) {
    await cli(['user', 'add', name, '--password-stdin'], { input: 'correct horse battery' });
  }
  const ok = async (...args: string[]) => {
    const { code, stdout, stderr } = await cli(args);
    assert.equal(code, 0, stderr);
    return { stdout, stderr, json: () => JSON.parse(stdout) };
  };
  return { cli, ok, data };
}

test('teams come, have members and rights, and go', async (t) => {
  const { cli, ok } = await withUsers(t, 'alice', 'bob');
  assert.match((await ok('team', 'create', 'dev')).stdout, /^team dev created; .*gatehouse grant team:dev/);
  assert.equal((await ok('team', 'add', 'dev', 'alice')).stdout, 'alice is now a member of dev\n');
  assert.equal((await ok('team', 'add', 'dev', 'alice')).stdout, 'alice is already a member of dev\n');
  assert.equal(
    (await ok('grant', 'team:dev', 'app/**', 'pull,push')).stdout,
    'team:dev may pull, push in app/**\n',
  );
  assert.equal(
    (await ok('can', 'alice', 'push', 'app/x')).stdout,
    'yes (granted to team:dev, of which alice is a member: app/** pull,push)\n',
  );
  assert.equal((await cli(['can', 'bob', 'push', 'app/x'])).stdout, 'no (no-grant)\n');
  assert.match(
    (await ok('grant', 'team:dev')).stdout,
    /^SUBJECT +PATTERN +ACTIONS\nteam:dev +app\/\*\* +pull,push$/m,
  );
  assert.deepEqual(
    (await ok('team', 'list', '--json'))
      .json()
      .map(({ name, members }: Record<string, unknown>) => [name, members]),
    [['dev', ['alice']]],
  );
  assert.match((await ok('team', 'list')).stdout, /^TEAM +MEMBERS +CREATED\ndev +alice +2/);
  assert.equal((await ok('team', 'remove', 'dev', 'alice')).stdout, 'alice is no member of dev any more\n');
  assert.equal((await cli(['can', 'alice', 'push', 'app/x'])).code, 1);
  assert.match((await ok('team', 'delete', 'dev')).stdout, /^team dev deleted/);
});

test('a robot: its secret alone on standard output, what to do with it beside', async (t) => {
  const { cli, ok } = await withUsers(t, 'alice');
  const rights = 'team-a/**=pull,push */base=pull';
  const made = await ok(
    'robot',
    'create',
    'ci',
    '--rights',
    rights,
    '--owner',
    'alice',
    '--description',
    'CI of A',
  );
  assert.match(made.stdout, /^gatehouse_robot_[0-9A-Za-z]{47}\n$/);
  assert.match(made.stderr, /not shown again[\s\S]*docker login -u robot\+ci --password-stdin HOST/);
  assert.doesNotMatch(made.stderr, /gatehouse_robot_/);
  const [row] = (await ok('robot', 'list', '--json')).json();
  assert.deepEqual(
    [row.name, row.owner, row.description, row.enabled, row.rights, row.lastUsedAt],
    [
      'robot+ci',
      'alice',
      'CI of A',
      true,
      [
        { pattern: 'team-a/**', actions: ['pull', 'push'] },
        { pattern: '*/base', actions: ['pull'] },
      ],
      null,
    ],
  );
  assert.equal(made.stdout.slice(16, 28), row.secretId);
  const days = (Date.parse(row.expiresAt) - Date.now()) / 86_400_000;
  assert.ok(days > 364 && days <= 365, row.expiresAt);
  assert.equal(
    (await ok('can', 'robot+ci', 'pull', 'x/base')).stdout,
    'yes (granted to robot+ci: */base pull)\n',
  );
  const beyond = await cli(['grant', 'robot+ci', 'team-b/**', 'pull']);
  assert.equal(beyond.code, 1);
  assert.match(beyond.stderr, /limited to team-a\/\*\*=pull,push \*\/base=pull; make another robot/);
  const rotated = (await ok('robot', 'rotate', 'ci', '--expires', 'never', '--json')).json();
  assert.deepEqual(Object.keys(rotated), ['id', 'user', 'secret', 'expiresAt']);
  assert.notEqual(`${rotated.secret}\n`, made.stdout);
  assert.equal(rotated.expiresAt, null);
  assert.equal((await ok('robot', 'disable', 'robot+ci')).stdout, 'robot robot+ci disabled\n');
  assert.match(
    (await ok('robot', 'list')).stdout,
    /^robot\+ci +disabled +team-a\/\*\*=pull,push .* never +- +- +alice +CI of A$/m,
  );
  assert.match((await cli(['can', 'robot+ci', 'pull', 'x/base'])).stdout, /^no/);
  await ok('robot', 'enable', 'ci');
  await ok('robot', 'remove', 'ci');
  assert.deepEqual((await ok('robot', 'list', '--json')).json(), []);
  assert.deepEqual((await ok('grant', '--json')).json(), []);
});

test('a personal token: made, listed, asked about, revoked', async (t) => {
  const { cli, ok } = await withUsers(t, 'alice', 'bob');
  const made = await ok(
    'token',
    'create',
    '--user',
    'alice',
    '--name',
    'laptop',
    '--rights',
    'alice/**=pull',
    '--expires',
    '12h',
  );
  assert.match(made.stdout, /^gatehouse_pat_[0-9A-Za-z]{47}\n$/);
  await ok('token', 'create', '--user', 'bob', '--name', 'all', '--rights', 'all', '--expires', 'never');
  const [{ id, expiresAt, rights }] = (await ok('token', 'list', '--user', 'alice', '--json')).json();
  assert.deepEqual(rights, [{ pattern: 'alice/**', actions: ['pull'] }]);
  const hours = (Date.parse(expiresAt) - Date.now()) / 3_600_000;
  assert.ok(hours > 11 && hours <= 12, expiresAt);
  assert.equal((await ok('can', 'alice', 'pull', 'alice/x', '--token', id)).stdout.slice(0, 3), 'yes');
  const limited = await cli(['can', 'alice', 'push', 'alice/x', '--token', id]);
  assert.deepEqual(
    [limited.code, limited.stdout],
    [1, 'no (limited to less; by the template {user}/** granted to alice: alice/** pull,push,delete)\n'],
  );
  assert.equal((await cli(['can', 'bob', 'pull', 'alice/x', '--token', id])).code, 1);
  const table = (await ok('token', 'list')).stdout;
  assert.match(table, new RegExp(`^${id} +alice +laptop +alice/\\*\\*=pull +2.* +- +-$`, 'm'));
  assert.match(table, /bob +all +- +2\S+ +never +- +-$/m);
  assert.doesNotMatch(table, /gatehouse_/);
  assert.equal((await ok('token', 'revoke', id)).stdout, `token "laptop" of alice (${id}) revoked\n`);
  assert.match(
    (await cli(['token', 'revoke', id])).stderr,
    /^gatehouse: there is no token with that id[^\n]*\n$/,
  );
});

test('wishes that make no sense are exit code 2, those that cannot be done 1, each with one plain line', async (t) => {
  const { cli } = await withUsers(t, 'alice');
  const token = ['token', 'create', '--user', 'alice', '--name', 'x', '--rights'];
  const table: [code: number, args: string[], says: RegExp][] = [
    [2, ['team'], /create, add, remove, list, delete/],
    [2, ['team', 'add', 'dev'], /TEAM USER/],
    [2, ['robot', 'create'], /NAME/],
    [2, ['robot', 'create', 'ci', '--rights', 'team-a/**'], /are no rights; examples/],
    [2, ['robot', 'create', 'ci', '--rights', 'Team/**=pull'], /are no rights/],
    [2, ['robot', 'create', 'ci', '--expires', '90'], /no duration; examples/],
    [2, ['robot', 'create', 'ci', '--expires', '0'], /no duration/],
    [2, ['robot', 'disable', 'ci', '--expires', '1d'], /--expires does not go with robot disable/],
    [2, ['token', 'create', '--name', 'x', '--rights', 'all'], /--user is needed/],
    [2, ['token', 'create', '--user', 'alice', '--name', 'x'], /--rights is needed/],
    [2, [...token, 'fly'], /are no rights/],
    [2, [...token, 'a/**=pull=push'], /are no rights/],
    [1, ['team', 'create', 'alice'], /there is a user "alice" already/],
    [1, ['team', 'add', 'dev', 'alice'], /no team "dev"/],
    [1, ['robot', 'rotate', 'ci'], /no robot "robot\+ci"/],
    [1, ['robot', 'create', 'C I'], /is not a robot name/],
    [1, ['token', 'create', '--user', 'bob', '--name', 'x', '--rights', 'all'], /no user "bob"/],
    [1, ['token', 'revoke', 'nothing'], /no token with that id/],
    [1, ['grant', 'team:dev', 'a/**', 'pull'], /no team "dev"/],
    [1, ['grant', 'anonymous', 'a/**', 'admin'], /"anonymous" is not somebody/],
    [1, ['can', 'team:dev', 'pull', 'a/b'], /ask for a user, a robot or anonymous/],
  ];
  for (const [code, args, says] of table) {
    const { code: found, stdout, stderr } = await cli(args);
    assert.deepEqual([args, found, stdout], [args, code, '']);
    assert.match(stderr, says);
    assert.doesNotMatch(stderr, /\n {4}at /);
  }
});
