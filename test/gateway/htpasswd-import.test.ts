import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { hashSync } from 'bcryptjs';
import { openAdmin } from '../../gateway/admin.ts';
import { openIdentity } from '../../gateway/identity/index.ts';
import { temporaryDirectory } from '../support/files.ts';
import { onEnd } from '../support/scope.ts';
import { basic, openBoth, silentLog, testConfig } from './identity-fixture.ts';

const line = (name: string, password = `${name}-password`) => `${name}:${hashSync(password, 4)}\n`;

test('an import adds users with their passwords, refuses what it cannot take, and can be run again', async (t) => {
  const { admin, identity } = await openBoth(t);
  await admin.addUser('bob', 'own-password');
  const content = Buffer.from(
    `# people\n${line('alice')}${line('bob')}Carol:x\ndave:$apr1$x$y\n${line('erin')}`,
  );
  const brief = (lines: Awaited<ReturnType<typeof admin.importHtpasswd>>) =>
    lines.map(({ line: at, name, outcome }) => [at, name, outcome]);
  const expected = [
    [2, 'alice', 'added'],
    [3, 'bob', 'skipped'],
    [4, undefined, 'refused'],
    [5, 'dave', 'refused'],
    [6, 'erin', 'added'],
  ];
  assert.deepEqual(brief(await admin.importHtpasswd(content, { dryRun: true })), expected);
  assert.equal((await admin.listUsers()).length, 1, 'a dry run does nothing');
  assert.deepEqual(brief(await admin.importHtpasswd(content)), expected);
  const again = brief(await admin.importHtpasswd(content));
  assert.deepEqual(
    again.map(([, , outcome]) => outcome),
    ['unchanged', 'skipped', 'refused', 'refused', 'unchanged'],
  );
  assert.equal((await identity.authenticate(basic('alice', 'alice-password'))).name, 'alice');
  assert.equal((await identity.authenticate(basic('bob', 'own-password'))).name, 'bob');
});

test('--replace gives users the password of their line and voids their tokens; the same hash does not', async (t) => {
  const { admin, identity } = await openBoth(t);
  await admin.addUser('bob', 'own-password');
  const bearer = async (password: string) => {
    const actor = await identity.authenticate(basic('bob', password));
    return `Bearer ${(await identity.issueToken(actor, { scopes: [] })).token}`;
  };
  const token = await bearer('own-password');
  const content = Buffer.from(line('bob'));
  const [first] = await admin.importHtpasswd(content, { replace: true });
  assert.equal(first?.outcome, 'replaced');
  await assert.rejects(identity.authenticate(token), { detail: { reason: 'revoked' } });
  await assert.rejects(identity.authenticate(basic('bob', 'own-password')), { reason: 'password' });
  const later = await admin.importHtpasswd(content, { replace: true, dryRun: true });
  assert.equal(later[0]?.outcome, 'unchanged');
  await bearer('bob-password');
});

test('users of the live file are taken over, with their grants, and need the file no more', async (t) => {
  const file = join(await temporaryDirectory(t, 'htpasswd'), 'users');
  const content = line('carol');
  writeFileSync(file, content);
  const config = await testConfig(t, { 'auth.htpasswd_file': file });
  const identity = await openIdentity({ config, log: silentLog });
  onEnd(t, () => identity.close());
  const admin = await openAdmin(config);
  onEnd(t, () => admin.close());
  await admin.grant('carol', 'team/**', ['pull']);
  assert.equal((await admin.importHtpasswd(Buffer.from(content)))[0]?.outcome, 'taken-over');
  writeFileSync(file, '');
  const actor = await identity.authenticate(basic('carol', 'carol-password'));
  assert.equal(identity.decide(actor, 'team/app', 'pull').allowed, true);
  await admin.setPassword('carol', 'a password of her own');
  assert.equal((await admin.listUsers())[0]?.source, 'own');
});
