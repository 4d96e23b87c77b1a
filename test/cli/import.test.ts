import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { appendFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { findTool, missingTool } from '../support/tools.ts';
import { onData } from './support.ts';

test('users of an htpasswd file are imported, line by line', { skip: missingTool('htpasswd') }, async (t) => {
  const { data, cli } = await onData(t);
  const file = join(data, 'users');
  const htpasswd = (...args: string[]) => execFileSync(findTool('htpasswd')!, args, { stdio: 'pipe' });
  htpasswd('-cbB', file, 'alice', 'correct horse battery');
  htpasswd('-bm', file, 'bob', 'secret-of-bob');
  appendFileSync(file, 'Not A Name:x\n');
  const dry = await cli(['import', 'htpasswd', file, '--dry-run']);
  assert.deepEqual([dry.code, dry.stderr], [1, '']);
  assert.match(
    dry.stdout,
    /^LINE +USER +OUTCOME +DETAIL\n1 +alice +added +bcrypt of cost 5\n2 +bob +refused +/,
  );
  assert.match(dry.stdout, /1 added, 2 refused \(dry run: nothing was done\)\n$/);
  assert.equal((await cli(['user', 'list', '--json'])).stdout, '[]\n');
  const done = JSON.parse((await cli(['import', 'htpasswd', file, '--json'])).stdout);
  assert.deepEqual(
    done.map(({ line, outcome }: Record<string, unknown>) => [line, outcome]),
    [
      [1, 'added'],
      [2, 'refused'],
      [3, 'refused'],
    ],
  );
  const [user] = JSON.parse((await cli(['user', 'list', '--json'])).stdout);
  assert.deepEqual([user.name, user.source], ['alice', 'own']);
});

test('a file that cannot be imported is one plain line', async (t) => {
  const { data, cli } = await onData(t);
  const large = join(data, 'large');
  writeFileSync(large, '');
  truncateSync(large, 2 ** 31);
  const attempts: [string[], RegExp, number][] = [
    [['import', 'htpasswd', join(data, 'missing')], /cannot be read: ENOENT/, 1],
    [['import', 'htpasswd', data], /no ordinary file/, 1],
    [['import', 'htpasswd', large], /larger than [0-9]+ bytes; import it in parts/, 1],
    [['import', 'passwd', large], /htpasswd FILE/, 2],
    [['import'], /KIND FILE/, 2],
  ];
  for (const [args, says, expected] of attempts) {
    const { code, stderr } = await cli(args);
    assert.deepEqual([args, code], [args, expected]);
    assert.match(stderr, says);
  }
});

test('users of the live file: listed, disabled, and their password is elsewhere', async (t) => {
  const { data, cli } = await onData(t);
  const file = join(data, 'users');
  writeFileSync(file, `carol:$2y$05$${'a'.repeat(21)}.${'b'.repeat(31)}\n`);
  const options = { env: { GATEHOUSE_AUTH_HTPASSWD_FILE: file } };
  assert.match((await cli(['user', 'list'], options)).stdout, /\ncarol +user +enabled +htpasswd/);
  assert.equal((await cli(['user', 'disable', 'carol'], options)).stdout, 'user carol disabled\n');
  assert.match((await cli(['user', 'list'], options)).stdout, /\ncarol +user +disabled +htpasswd/);
  const passwd = await cli(['user', 'passwd', 'carol', '--password-stdin'], {
    ...options,
    input: 'correct horse battery\n',
  });
  assert.equal(passwd.code, 1);
  assert.match(passwd.stderr, /^gatehouse: the password of "carol" stands in .*htpasswd -B -C 12 .* carol/);
});
