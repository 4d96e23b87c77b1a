import assert from 'node:assert/strict';
import { renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { hashSync } from 'bcryptjs';
import { openAdmin } from '../../gateway/admin.ts';
import { maxHtpasswdBytes } from '../../gateway/identity/htpasswd-parser.ts';
import { openIdentity } from '../../gateway/identity/index.ts';
import { dataPaths } from '../../runtime/config.ts';
import type { Log, LogFields } from '../../runtime/log.ts';
import { temporaryDirectory } from '../support/files.ts';
import { onEnd, type Scope } from '../support/scope.ts';
import { adminElsewhere, basic, type Flags, silentLog, testConfig } from './identity-fixture.ts';

const hashes = new Map<string, string>();
const hashOf = (password: string, cost = 4) => {
  const key = `${cost} ${password}`;
  if (!hashes.has(key)) hashes.set(key, hashSync(password, cost));
  return hashes.get(key)!;
};
const line = (name: string, password = `${name}-password`) => `${name}:${hashOf(password)}\n`;

/** An identity with an htpasswd file, and the administrator's façade, each as a process would have it. */
async function open(scope: Scope, content: string | undefined, flags: Flags = {}) {
  const file = join(await temporaryDirectory(scope, 'htpasswd'), 'users');
  if (content !== undefined) writeFileSync(file, content);
  const config = await testConfig(scope, { 'auth.htpasswd_file': file, ...flags });
  const errors: LogFields[] = [];
  const log: Log = {
    debug() {},
    info() {},
    warn() {},
    error: (_text, fields) => void errors.push(fields ?? {}),
  };
  const identity = await openIdentity({ config, log });
  onEnd(scope, () => identity.close());
  const admin = await openAdmin(config);
  onEnd(scope, () => admin.close());
  const login = (name: string, password = `${name}-password`) => identity.authenticate(basic(name, password));
  const bearer = async (name: string, password?: string) =>
    `Bearer ${(await identity.issueToken(await login(name, password), { scopes: [] })).token}`;
  return { file, config, identity, admin, errors, login, bearer };
}

const wrong = { name: 'LoginFailure', reason: 'password' };
const unknown = { name: 'LoginFailure', reason: 'unknown' };
const revoked = { code: 'UNAUTHORIZED', detail: { reason: 'revoked' } };

test('users of the file log in, have a namespace, grants and tokens', async (t) => {
  const { identity, admin, login, bearer } = await open(t, line('carol'));
  const actor = await login('carol');
  assert.deepEqual([actor.name, actor.kind, actor.admin], ['carol', 'user', false]);
  assert.equal(identity.decide(actor, 'carol/app', 'push').reason, 'template');
  assert.equal(identity.decide(actor, 'team/app', 'push').allowed, false);
  await admin.grant('carol', 'team/**', ['push']);
  assert.equal(identity.decide(actor, 'team/app', 'push').allowed, true);
  const token = await bearer('carol');
  assert.equal((await identity.authenticate(token)).name, 'carol');
  await assert.rejects(login('carol', 'something else'), wrong);
  await assert.rejects(login('dave'), unknown);
});

test('the first logins of a user of the file, many at once, are all good', async (t) => {
  const { identity, login } = await open(t, line('carol'));
  const comparing = Promise.withResolvers<void>();
  // This one has read the account before it has a row, and compares when it has one.
  const slow = identity.verifyPassword('carol', 'carol-password', () => comparing.promise);
  const quick = await login('carol');
  comparing.resolve();
  assert.equal((await slow).account?.id, quick.account?.id);
});

test('a client certificate that names a user of the file is that user, as long as the line is there', async (t) => {
  const { file, identity } = await open(t, line('carol'));
  const actor = identity.byCertificate('carol', '01')!;
  assert.equal(identity.decide(actor, 'carol/app', 'push').allowed, true);
  assert.equal(identity.byCertificate('dave', '02'), undefined);
  writeFileSync(file, line('dave'));
  assert.equal(identity.byCertificate('carol', '01'), undefined);
  assert.equal(identity.byCertificate('dave', '02')?.name, 'dave');
});

test('who has only a line is listed, can be asked about, granted to and disabled', async (t) => {
  const { admin, login, identity } = await open(t, line('carol') + line('dave'));
  const shown = async () =>
    (await admin.listUsers()).map(({ name, enabled, source }) => [name, enabled, source]);
  assert.deepEqual(await shown(), [
    ['carol', true, 'htpasswd'],
    ['dave', true, 'htpasswd'],
  ]);
  assert.equal((await admin.can('carol', 'push', 'carol/app')).allowed, true);
  await admin.grant('carol', 'team/**', ['pull']);
  assert.equal((await admin.can('carol', 'pull', 'team/app')).allowed, true);
  await admin.setEnabled('dave', false);
  await assert.rejects(login('dave'), { reason: 'disabled' });
  await admin.setEnabled('dave', true);
  assert.equal((await login('dave')).name, 'dave');
  assert.equal(identity.decide(await login('carol'), 'team/app', 'pull').allowed, true);
});

test('every change of the file counts from the next request on, whatever the tool that writes it', async (t) => {
  const { file, login, bearer, identity } = await open(t, line('carol') + line('dave'));
  const token = await bearer('carol');
  const other = await bearer('dave');
  const long = new Date(Date.now() - 86_400_000);
  const ways = [
    (text: string) => writeFileSync(file, text),
    (text: string) => {
      writeFileSync(`${file}.new`, text);
      renameSync(`${file}.new`, file);
    },
    (text: string) => {
      writeFileSync(file, text);
      utimesSync(file, long, long);
    },
  ];
  let turn = 0;
  for (const write of [...ways, ...ways, ...ways]) {
    const password = `password number ${turn++}`;
    // The same length each time, and no rest between one change and the next.
    write(`carol:${hashOf(password)}\n${line('dave')}`);
    assert.equal((await login('carol', password)).name, 'carol');
    await assert.rejects(login('carol'), wrong);
  }
  await assert.rejects(identity.authenticate(token), revoked);
  assert.equal((await identity.authenticate(other)).name, 'dave', 'an untouched line keeps its tokens');
  writeFileSync(file, line('carol'));
  await assert.rejects(identity.authenticate(other), revoked);
  await assert.rejects(login('dave'), unknown);
  writeFileSync(file, '');
  await assert.rejects(login('carol'), unknown);
});

test('a line that comes back with another hash does not revive old tokens; the same line does', async (t) => {
  const { file, bearer, identity } = await open(t, line('carol'));
  const token = await bearer('carol');
  writeFileSync(file, '');
  await assert.rejects(identity.authenticate(token), revoked);
  writeFileSync(file, `carol:${hashSync('carol-password', 4)}\n`);
  await assert.rejects(identity.authenticate(token), revoked);
  writeFileSync(file, line('carol'));
  assert.equal((await identity.authenticate(token)).name, 'carol');
});

test('a file that is just being written is waited for: nobody is refused for half of it', async (t) => {
  const { file, login } = await open(t, line('carol') + line('dave'));
  const whole = line('carol') + line('dave');
  for (const part of ['', whole.slice(0, 20), line('carol'), '', line('carol')]) {
    writeFileSync(file, part);
    const answer = login('dave');
    writeFileSync(file, whole);
    assert.equal((await answer).name, 'dave');
  }
});

const broken: readonly (readonly [string, (file: string) => void, RegExp])[] = [
  ['another hash', (file) => writeFileSync(file, `${line('dave')}carol:$apr1$x$y\n`), /^line 2: .*apr1/],
  ['a torn line', (file) => writeFileSync(file, (line('dave') + line('carol')).slice(0, -9)), /^line 2/],
  ['a binary', (file) => writeFileSync(file, Buffer.from([0, 255, 254, 1])), /^line 1/],
  ['gone', (file) => rmSync(file), /^it cannot be read: ENOENT/],
  ['too large', (file) => writeFileSync(file, Buffer.alloc(maxHtpasswdBytes + 1, '#')), /^it is larger/],
];

for (const [what, spoil, message] of broken) {
  test(`a new file with a fault (${what}) keeps the good one, and says so once`, async (t) => {
    const { file, errors, login, bearer, identity } = await open(t, line('carol'));
    const token = await bearer('carol');
    spoil(file);
    for (let turn = 0; turn < 3; turn++) {
      assert.equal((await identity.authenticate(token)).name, 'carol');
      assert.equal((await login('carol')).name, 'carol');
      await assert.rejects(login('dave'), unknown);
    }
    const { users, faults } = (await identity.htpasswd())!;
    assert.equal(users, 1);
    assert.match(faults[0]!, message);
    assert.deepEqual(errors, [{ path: file, faults }]);
    writeFileSync(file, line('dave'));
    assert.equal((await login('dave')).name, 'dave');
    await assert.rejects(login('carol'), unknown);
    assert.deepEqual((await identity.htpasswd())!.faults, []);
  });
}

test('at the start the good lines of a faulty file count, and a missing file has none', async (t) => {
  const first = await open(t, `${line('carol')}dave:plain\n`);
  assert.equal((await first.login('carol')).name, 'carol');
  await assert.rejects(first.login('dave', 'plain'), unknown);
  assert.match((await first.identity.htpasswd())!.faults[0]!, /^line 2/);
  const second = await open(t, undefined);
  await assert.rejects(second.login('carol'), unknown);
  assert.equal(second.errors.length, 1);
  writeFileSync(second.file, line('carol'));
  assert.equal((await second.login('carol')).name, 'carol');
});

test('the last good content counts in every process, also in one that never saw it, and after a restart', async (t) => {
  const { file, config, login } = await open(t, line('carol'));
  const second = await openIdentity({ config, log: silentLog });
  onEnd(t, () => second.close());
  const ofSecond = (name: string) => second.authenticate(basic(name, `${name}-password`));
  assert.equal((await ofSecond('carol')).name, 'carol');
  writeFileSync(file, line('dave'));
  assert.equal((await login('dave')).name, 'dave');
  writeFileSync(file, 'no line');
  assert.equal((await ofSecond('dave')).name, 'dave');
  await assert.rejects(ofSecond('carol'), unknown);
  const third = await openIdentity({ config, log: silentLog });
  onEnd(t, () => third.close());
  assert.equal((await third.authenticate(basic('dave', 'dave-password'))).name, 'dave');
  assert.match((await third.htpasswd())!.faults[0]!, /^line 1/);
  assert.equal(statSync(dataPaths(config).htpasswdCopy).mode & 0o777, 0o600);
  // The copy of another file is none.
  const other = join(config.data, 'other');
  writeFileSync(other, 'no line');
  const fourth = await openIdentity({ config: { ...config, 'auth.htpasswd_file': other }, log: silentLog });
  onEnd(t, () => fourth.close());
  await assert.rejects(fourth.authenticate(basic('dave', 'dave-password')), unknown);
});

test('of a name in both, users.db counts; disabling disables both; removing is refused', async (t) => {
  const { file, config, admin, login } = await open(t, '');
  await admin.addUser('alice', 'own-password');
  writeFileSync(file, line('alice'));
  assert.equal((await login('alice', 'own-password')).name, 'alice');
  await assert.rejects(login('alice'), wrong);
  await admin.setEnabled('alice', false);
  await assert.rejects(login('alice'), wrong);
  await assert.rejects(login('alice', 'own-password'), { reason: 'disabled' });
  await admin.setEnabled('alice', true);
  const again = await openAdmin(config);
  onEnd(t, () => again.close());
  await assert.rejects(again.removeUser('alice'), { code: 'USER_IN_HTPASSWD' });
  writeFileSync(file, '');
  await admin.removeUser('alice');
});

test('what cannot be done to a user of the file says where its password stands', async (t) => {
  const { file, admin } = await open(t, line('carol'));
  await assert.rejects(admin.setPassword('carol', 'another-password'), {
    code: 'PASSWORD_ELSEWHERE',
    message: new RegExp(`stands in ${file}; change it there \\(htpasswd -B -C 12 ${file} carol\\)`),
  });
  await assert.rejects(admin.addUser('carol', 'another-password'), { code: 'USER_EXISTS' });
  await assert.rejects(admin.removeUser('carol'), { code: 'USER_IN_HTPASSWD' });
});

test('who is gone from the file has no rights, is shown as gone and can be removed', async (t) => {
  const { file, config, admin, identity, login } = await open(t, line('carol'));
  const actor = await login('carol');
  await admin.grant('carol', 'team/**', ['pull']);
  writeFileSync(file, line('dave'));
  await assert.rejects(login('carol'), unknown);
  assert.equal(identity.decide(actor, 'carol/app', 'pull').allowed, false);
  const later = await openAdmin(config);
  onEnd(t, () => later.close());
  const shown = (await later.listUsers()).map(({ name, enabled, source }) => [name, enabled, source]);
  assert.deepEqual(shown, [
    ['carol', false, 'gone'],
    ['dave', true, 'htpasswd'],
  ]);
  await later.removeUser('carol');
  assert.deepEqual(await later.listGrants(), []);
});

test('a façade that stays open sees each change', async (t) => {
  const { file, admin, login } = await open(t, line('carol'));
  const names = async () => (await admin.listUsers()).map(({ name }) => name);
  assert.deepEqual(await names(), ['carol']);
  writeFileSync(file, line('dave'));
  assert.deepEqual(await names(), ['dave']);
  assert.equal((await admin.can('dave', 'push', 'dave/app')).allowed, true);
  await assert.rejects(admin.can('carol', 'push', 'carol/app'), { code: 'USER_UNKNOWN' });
  await login('dave');
  writeFileSync(file, 'not a line');
  assert.deepEqual(await names(), ['dave'], 'as the gateway has it');
});

test('another process disables a user who has only a line, and the very next request sees it', async (t) => {
  const { config, identity, bearer } = await open(t, line('carol'));
  const token = await bearer('carol');
  assert.equal((await identity.authenticate(token)).name, 'carol');
  await adminElsewhere(config, 'setEnabled', 'carol', false);
  await assert.rejects(identity.authenticate(token), revoked);
});

test('a file of 10,000 lines is taken over while people log in', async (t) => {
  const many = Array.from({ length: 10_000 }, (_, index) => `user-${index}:${hashOf('any-password')}`);
  const { file, login, bearer, identity } = await open(t, line('carol'));
  const token = await bearer('carol');
  const content = line('carol') + many.join('\n');
  writeFileSync(file, content);
  const answers = await Promise.all(
    Array.from({ length: 200 }, async (_, index) =>
      index % 2 === 0 ? identity.authenticate(token) : login('carol'),
    ),
  );
  assert.ok(answers.every(({ name }) => name === 'carol'));
  assert.equal((await login('user-9999', 'any-password')).name, 'user-9999');
  assert.equal((await identity.htpasswd())!.users, 10_001);
});
