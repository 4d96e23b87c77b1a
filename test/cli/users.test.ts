import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { onData } from './support.ts';

test('users come, change and go', async (t) => {
  const { data, cli } = await onData(t);
  const input = 'correct horse battery\n';
  assert.deepEqual(await cli(['user', 'add', 'alice', '--password-stdin'], { input }), {
    code: 0,
    stdout: 'user alice added\n',
    stderr: '',
  });
  assert.equal(statSync(join(data, 'users.db')).mode & 0o777, 0o600);
  const twice = await cli(['user', 'add', 'alice', '--password-stdin'], { input });
  assert.equal(twice.code, 1);
  assert.match(twice.stderr, /^gatehouse: .*alice/);
  assert.doesNotMatch(twice.stderr, /\n {4}at /);
  assert.equal((await cli(['user', 'add', 'root', '--admin', '--password-stdin'], { input })).code, 0);
  assert.equal(
    (await cli(['user', 'passwd', 'alice', '--password-stdin'], { input: 'another one\r\n' })).code,
    0,
  );
  assert.equal((await cli(['user', 'disable', 'alice'])).stdout, 'user alice disabled\n');
  const list = JSON.parse((await cli(['user', 'list', '--json'])).stdout);
  assert.deepEqual(
    list.map(({ name, admin, enabled }: Record<string, unknown>) => [name, admin, enabled]),
    [
      ['alice', false, false],
      ['root', true, true],
    ],
  );
  assert.match(
    (await cli(['user', 'list'])).stdout,
    /^NAME +ROLE +STATE +PASSWORD +CREATED\nalice +user +disabled +own +2/,
  );
  assert.equal((await cli(['user', 'enable', 'alice'])).stdout, 'user alice enabled\n');
  assert.equal((await cli(['user', 'remove', 'alice'])).stdout, 'user alice removed\n');
  assert.equal((await cli(['user', 'remove', 'alice'])).code, 1);
});

test('rights are given, asked for, listed and taken', async (t) => {
  const { cli } = await onData(t);
  await cli(['user', 'add', 'bob', '--password-stdin'], { input: 'correct horse battery' });
  assert.deepEqual((await cli(['can', 'bob', 'push', 'team/app'])).code, 1);
  assert.equal(
    (await cli(['grant', 'bob', 'team/**', 'pull,push'])).stdout,
    'bob may pull, push in team/**\n',
  );
  const yes = await cli(['can', 'bob', 'push', 'team/app']);
  assert.deepEqual([yes.code, yes.stdout], [0, 'yes (granted to bob: team/** pull,push)\n']);
  assert.equal(JSON.parse((await cli(['can', 'bob', 'push', 'team/app', '--json'])).stdout).allowed, true);
  assert.match((await cli(['grant', 'bob'])).stdout, /^bob +team\/\*\* +pull,push$/m);
  assert.deepEqual(JSON.parse((await cli(['grant', '--json'])).stdout), [
    { subject: 'bob', pattern: 'team/**', actions: ['pull', 'push'] },
  ]);
  assert.equal((await cli(['revoke', 'bob', 'team/**', 'push'])).stdout, 'bob may still pull in team/**\n');
  assert.equal((await cli(['revoke', 'bob', 'team/**'])).stdout, 'bob has no grant for team/** any more\n');
  const no = await cli(['can', 'bob', 'pull', 'team/app']);
  assert.deepEqual([no.code, no.stdout], [1, 'no (no-grant)\n']);
});

test('what cannot be done is exit code 1 and one plain line', async (t) => {
  const { cli } = await onData(t);
  await cli(['user', 'add', 'bob', '--password-stdin'], { input: 'correct horse battery' });
  const impossible = [
    ['grant', 'nobody-here', 'team/**', 'pull'],
    ['grant', 'bob', 'TEAM//', 'pull'],
    ['revoke', 'bob', 'team/**'],
    ['can', 'nobody-here', 'pull', 'team/app'],
    ['can', 'bob', 'pull', 'TEAM//'],
    ['user', 'passwd', 'nobody-here', '--password-stdin'],
    ['user', 'add', 'UPPER CASE', '--password-stdin'],
    ['user', 'add', 'carol', '--password-stdin'],
  ];
  for (const args of impossible) {
    const { code, stdout, stderr } = await cli(args, {
      input: args[2] === 'carol' ? '' : 'correct horse battery',
    });
    assert.deepEqual([args, code, stdout], [args, 1, '']);
    assert.match(stderr, /^gatehouse: [^\n]+\n$/);
  }
});
