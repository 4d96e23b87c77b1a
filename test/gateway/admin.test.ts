import assert from 'node:assert/strict';
import { existsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Action, type Admin, type AdminErrorCode, openAdmin } from '../../gateway/admin.ts';
import { dataPaths } from '../../runtime/config.ts';
import { onEnd, type Scope } from '../support/scope.ts';
import { adminElsewhere, type Flags, testConfig } from './identity-fixture.ts';

async function open(scope: Scope, flags: Flags = {}) {
  const config = await testConfig(scope, flags);
  const admin = await openAdmin(config);
  onEnd(scope, () => admin.close());
  return { admin, config };
}

async function refused(code: AdminErrorCode, attempt: Promise<unknown>): Promise<void> {
  await assert.rejects(attempt, { name: 'AdminError', code });
}

test('the data directory and its database are made, for the owner only', async (t) => {
  const parent = await testConfig(t);
  const config = { ...parent, data: join(parent.data, 'new', 'data') };
  const admin = await openAdmin(config);
  onEnd(t, () => admin.close());
  assert.equal(statSync(config.data).mode & 0o777, 0o700);
  assert.equal(statSync(dataPaths(config).usersDatabase).mode & 0o777, 0o600);
});

test('the first administrator is made once', async (t) => {
  const { admin } = await open(t);
  let made = 0;
  const makePassword = () => `password ${++made}`;
  assert.deepEqual(await admin.ensureFirstAdmin(makePassword), { created: true, password: 'password 1' });
  assert.deepEqual(await admin.ensureFirstAdmin(makePassword), { created: false });
  assert.equal(made, 1);
  const [row, ...others] = await admin.listUsers();
  assert.deepEqual(others, []);
  assert.equal(row?.name, 'admin');
  assert.equal(row?.admin, true);
  assert.match(row?.createdAt ?? '', /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
});

test('of two that make the first administrator at once one does', async (t) => {
  const { admin, config } = await open(t);
  const second = await openAdmin(config);
  onEnd(t, () => second.close());
  const answers = await Promise.all(
    [admin, second].map((one) => one.ensureFirstAdmin(() => 'first-password')),
  );
  assert.deepEqual(answers.map(({ created }) => created).sort(), [false, true]);
  assert.equal((await admin.listUsers()).length, 1);
});

test('users come, change and go', async (t) => {
  const { admin } = await open(t);
  await admin.addUser('alice', 'alice-password');
  await admin.addUser('bob', 'bob-password', { admin: true });
  await admin.setEnabled('alice', false);
  const shown = async () =>
    (await admin.listUsers()).map(({ name, admin: isAdmin, enabled }) => [name, isAdmin, enabled]);
  assert.deepEqual(await shown(), [
    ['alice', false, false],
    ['bob', true, true],
  ]);
  await admin.setEnabled('alice', true);
  await admin.removeUser('alice');
  assert.deepEqual(await shown(), [['bob', true, true]]);
});

test('names that are none', async (t) => {
  const { admin } = await open(t);
  const bad = [
    '',
    'Alice',
    'al ice',
    'a/b',
    '-a',
    'a-',
    'a--b',
    'a..b',
    '../a',
    'ä',
    'a:b',
    'a\n',
    'a'.repeat(65),
  ];
  for (const name of bad) await refused('NAME_INVALID', admin.addUser(name, 'some-password'));
  for (const name of ['anonymous', 'authenticated']) {
    await refused('NAME_RESERVED', admin.addUser(name, 'some-password'));
  }
  for (const name of ['a', '0', 'a.b_c-d', 'a'.repeat(64)]) {
    await admin.addUser(name, 'some-password');
    assert.equal((await admin.can(name, 'push', `${name}/app`)).reason, 'template');
  }
});

test('passwords that are none', async (t) => {
  const { admin } = await open(t);
  await admin.addUser('alice', 'x'.repeat(72));
  const bad: [password: string, code: AdminErrorCode][] = [
    ['', 'PASSWORD_EMPTY'],
    ['short', 'PASSWORD_TOO_SHORT'],
    ['🐳🐳🐳', 'PASSWORD_TOO_SHORT'],
    ['x'.repeat(73), 'PASSWORD_TOO_LONG'],
    ['ä'.repeat(37), 'PASSWORD_TOO_LONG'],
    ['with\u0000a-nul-inside', 'PASSWORD_INVALID'],
    ['with-a-newline\n', 'PASSWORD_INVALID'],
    ['half-a-surrogate-\ud800', 'PASSWORD_INVALID'],
  ];
  for (const [password, code] of bad) {
    await refused(code, admin.addUser('bob', password));
    await refused(code, admin.setPassword('alice', password));
  }
  await assert.rejects(admin.addUser('bob', 'secret\u0007secret'), (error: Error) => {
    assert.doesNotMatch(error.message, /secret/);
    return true;
  });
});

test('wishes for what is not there, or is there already', async (t) => {
  const { admin } = await open(t);
  await admin.addUser('alice', 'alice-password');
  await refused('USER_EXISTS', admin.addUser('alice', 'other-password'));
  await refused('USER_UNKNOWN', admin.setPassword('bob', 'other-password'));
  await refused('USER_UNKNOWN', admin.setEnabled('bob', false));
  await refused('USER_UNKNOWN', admin.removeUser('bob'));
  await refused('USER_UNKNOWN', admin.grant('bob', 'team/**', ['pull']));
  await refused('USER_UNKNOWN', admin.revoke('bob', 'team/**'));
  await refused('USER_UNKNOWN', admin.listGrants('bob'));
  await refused('USER_UNKNOWN', admin.can('bob', 'pull', 'team/app'));
  await refused('GRANT_UNKNOWN', admin.revoke('alice', 'team/**'));
  await refused('REPOSITORY_INVALID', admin.can('alice', 'pull', 'Team/app'));
  for (const pattern of ['', 'Team/**', '/a', 'a/', 'a/**/b', 'a***', '..', 'a b']) {
    await refused('PATTERN_INVALID', admin.grant('alice', pattern, ['pull']));
  }
  for (const actions of [[], ['fly'], ['pull', 'fly'], ['Pull']]) {
    await refused('ACTIONS_INVALID', admin.grant('alice', 'a/**', actions as Action[]));
  }
});

test('the last enabled administrator stays', async (t) => {
  const { admin } = await open(t);
  await admin.addUser('root', 'root-password', { admin: true });
  await refused('LAST_ADMIN', admin.removeUser('root'));
  await refused('LAST_ADMIN', admin.setEnabled('root', false));
  await admin.addUser('second', 'second-password', { admin: true });
  await admin.setEnabled('second', false);
  await refused('LAST_ADMIN', admin.removeUser('root'));
  await admin.setEnabled('second', true);
  await admin.removeUser('root');
  await refused('LAST_ADMIN', admin.removeUser('second'));
});

test('grants add up, and are taken away by pattern', async (t) => {
  const { admin } = await open(t);
  await admin.addUser('alice', 'alice-password');
  const row = (subject: string, pattern: string, ...actions: Action[]) => ({ subject, pattern, actions });
  assert.deepEqual(await admin.grant('alice', 'team/**', ['push']), row('alice', 'team/**', 'push'));
  assert.deepEqual(
    await admin.grant('alice', 'team/**', ['pull', 'pull']),
    row('alice', 'team/**', 'pull', 'push'),
  );
  await admin.grant('anonymous', 'public/**', ['pull']);
  await admin.grant('authenticated', 'shared/**', ['pull']);
  assert.deepEqual(await admin.listGrants(), [
    row('anonymous', 'public/**', 'pull'),
    row('authenticated', 'shared/**', 'pull'),
    row('alice', 'team/**', 'pull', 'push'),
  ]);
  assert.deepEqual(await admin.listGrants('anonymous'), [row('anonymous', 'public/**', 'pull')]);
  await refused('GRANT_UNKNOWN', admin.revoke('alice', 'team/**', ['delete']));
  assert.deepEqual(
    await admin.revoke('alice', 'team/**', ['push', 'delete']),
    row('alice', 'team/**', 'pull'),
  );
  assert.equal(await admin.revoke('alice', 'team/**'), undefined);
  assert.deepEqual(await admin.listGrants('alice'), []);
  await admin.grant('alice', 'team/**', ['pull']);
  await admin.removeUser('alice');
  assert.equal((await admin.listGrants()).length, 2);
});

test('can says yes or no and why', async (t) => {
  const { admin, config } = await open(t);
  const ask = async (name: string, action: Action, repository: string, from: Admin = admin) =>
    (await from.can(name, action, repository)).reason;
  await admin.addUser('root', 'root-password', { admin: true });
  await admin.addUser('alice', 'alice-password');
  await admin.grant('anonymous', 'public/**', ['pull']);
  assert.equal(await ask('root', 'delete', 'x/y'), 'admin');
  assert.equal(await ask('alice', 'push', 'alice/app'), 'template');
  assert.equal(await ask('alice', 'push', 'team/app'), 'no-grant');
  assert.equal(await ask('anonymous', 'pull', 'public/app'), 'grant');
  await adminElsewhere(config, 'grant', 'alice', 'team/**', ['push']);
  assert.deepEqual(await admin.can('alice', 'push', 'team/app'), {
    allowed: true,
    reason: 'grant',
    grant: { subject: 'alice', pattern: 'team/**', actions: ['push'] },
  });
  await admin.setEnabled('alice', false);
  assert.equal(await ask('alice', 'push', 'alice/app'), 'no-grant');
});

test('a new password of the first administrator makes the file with the generated one pointless', async (t) => {
  const { admin, config } = await open(t);
  await admin.ensureFirstAdmin(() => 'first-password');
  const path = dataPaths(config).initialPassword;
  writeFileSync(path, 'first-password\n');
  await admin.setPassword('admin', 'second-password');
  assert.ok(!existsSync(path));
});
