import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { type Identity, LoginFailure, parseScopes } from '../../gateway/identity/index.ts';
import { OciError } from '../../oci/errors.ts';
import { dataPaths } from '../../runtime/config.ts';
import { adminElsewhere, basic, openBoth } from './identity-fixture.ts';

const login = basic('alice', 'alice-password');

test('no header is anonymous', async (t) => {
  const { identity } = await openBoth(t);
  assert.deepEqual(await identity.authenticate(undefined), { name: '', kind: 'anonymous', admin: false });
});

test('Basic with UTF-8, colons and spaces in the password', async (t) => {
  const { identity, admin } = await openBoth(t);
  for (const [index, password] of ['a:b:c:d:e', ' pass word ', 'пароль-ß-🐳'].entries()) {
    await admin.addUser(`user${index}`, password);
    const actor = await identity.authenticate(basic(`user${index}`, password));
    assert.equal(actor.name, `user${index}`);
    assert.equal(actor.kind, 'user');
    assert.equal(actor.scopes, undefined);
  }
});

test('malformed headers are told so, with nothing of what they hold', async (t) => {
  const { identity } = await openBoth(t);
  const encoded = (bytes: string | Buffer) => `Basic ${Buffer.from(bytes).toString('base64')}`;
  const headers = [
    '',
    'Basic',
    'Basic ',
    'Bearer',
    'Basic %%%secret',
    'Basic c2VjcmV0-_',
    encoded('secret-without-colon'),
    encoded(Buffer.from([0x73, 0xff, 0x3a, 0x73])),
    encoded('alice:secret\u0000'),
    encoded('al\nice:secret'),
    'Negotiate c2VjcmV0',
    'Digest username="secret"',
    `${login}, ${login}`,
    'Bearer a b',
  ];
  for (const header of headers) {
    await assert.rejects(identity.authenticate(header), (error: unknown) => {
      assert.ok(error instanceof OciError && !(error instanceof LoginFailure), header);
      assert.equal(error.status, 401, header);
      assert.match(error.message, /malformed Authorization header/, header);
      assert.doesNotMatch(error.toBody(), /secret|c2VjcmV0/, header);
      return true;
    });
  }
});

test('a failed login says the same for every reason, and the reason to the audit', async (t) => {
  const { identity, admin } = await openBoth(t);
  await admin.addUser('alice', 'alice-password');
  await admin.addUser('bob', 'bob-password');
  await admin.setEnabled('bob', false);
  const none = '[no user name]';
  const table: [name: string, password: string, reason: string, account?: string][] = [
    ['alice', 'wrong-password', 'password'],
    ['alice', '', 'password'],
    ['alice', 'x'.repeat(73), 'password'],
    ['Alice', 'alice-password', 'unknown', none],
    ['nobody', 'alice-password', 'unknown'],
    ['bob', 'bob-password', 'disabled'],
    ['', '', 'unknown', none],
    ['', 'alice-password', 'unknown', none],
    ['anonymous', '', 'unknown'],
    ["' OR 1=1 --", 'x', 'unknown', none],
    ['Pa55word, in the wrong field', 'x', 'unknown', none],
    [`e\u202ev\u0085il${'x'.repeat(100)}`, 'x', 'unknown', none],
  ];
  const bodies = new Set<string>();
  for (const [name, password, reason, account = name] of table) {
    await assert.rejects(identity.authenticate(basic(name, password)), (error: unknown) => {
      assert.ok(error instanceof LoginFailure, `${name}: ${error}`);
      assert.equal(error.status, 401);
      assert.equal(error.reason, reason, name);
      assert.equal(error.account, account);
      bodies.add(error.toBody());
      return true;
    });
  }
  assert.equal(bodies.size, 1);
});

test('the file with the initial password goes at the first login of its account', async (t) => {
  const { identity, admin, config } = await openBoth(t);
  const path = dataPaths(config).initialPassword;
  await admin.ensureFirstAdmin(() => 'first-password');
  await admin.addUser('alice', 'alice-password');
  writeFileSync(path, 'first-password\n');
  await identity.authenticate(login);
  await assert.rejects(identity.authenticate(basic('admin', 'wrong-password')));
  assert.ok(existsSync(path));
  await identity.authenticate(basic('admin', 'first-password'));
  assert.ok(!existsSync(path));
  await identity.authenticate(basic('admin', 'first-password'));
});

/** Both ways in, hot: the caches know them. */
async function heatUp(identity: Identity): Promise<string> {
  const actor = await identity.authenticate(login);
  const { token } = await identity.issueToken(actor, {
    scopes: parseScopes(['repository:team-a/app:pull,push repository:alice/app:pull']),
  });
  for (let count = 0; count < 3; count++) {
    await identity.authenticate(login);
    await identity.authenticate(`Bearer ${token}`);
    identity.decide(actor, 'team-a/app', 'pull');
  }
  return `Bearer ${token}`;
}

const revoked = { code: 'UNAUTHORIZED', status: 401, detail: { reason: 'revoked' } };

test('a password changed by another process is effective on the next request', async (t) => {
  const { identity, admin, config } = await openBoth(t);
  await admin.addUser('alice', 'alice-password');
  const bearer = await heatUp(identity);
  await adminElsewhere(config, 'setPassword', 'alice', 'second-password');
  await assert.rejects(identity.authenticate(bearer), revoked);
  await assert.rejects(identity.authenticate(login), { reason: 'password' });
  assert.equal((await identity.authenticate(basic('alice', 'second-password'))).name, 'alice');
});

test('an account disabled by another process is out at once, and its tokens for good', async (t) => {
  const { identity, admin, config } = await openBoth(t);
  await admin.addUser('alice', 'alice-password');
  const bearer = await heatUp(identity);
  await adminElsewhere(config, 'setEnabled', 'alice', false);
  await assert.rejects(identity.authenticate(bearer), revoked);
  await assert.rejects(identity.authenticate(login), { reason: 'disabled' });
  await adminElsewhere(config, 'setEnabled', 'alice', true);
  await assert.rejects(identity.authenticate(bearer), revoked);
  assert.equal((await identity.authenticate(login)).name, 'alice');
});

test('an account removed and made again by another process revives no token and no grant', async (t) => {
  const { identity, admin, config } = await openBoth(t);
  await admin.addUser('alice', 'alice-password');
  await admin.grant('alice', 'team-a/**', ['pull']);
  const bearer = await heatUp(identity);
  await adminElsewhere(config, 'removeUser', 'alice');
  await assert.rejects(identity.authenticate(bearer), revoked);
  await assert.rejects(identity.authenticate(login), { reason: 'unknown' });
  await adminElsewhere(config, 'addUser', 'alice', 'alice-password');
  await assert.rejects(identity.authenticate(bearer), revoked);
  const actor = await identity.authenticate(login);
  assert.equal(identity.decide(actor, 'team-a/app', 'pull').allowed, false);
});

test('a grant by another process is effective on the next request, and so is its end', async (t) => {
  const { identity, admin, config } = await openBoth(t);
  await admin.addUser('alice', 'alice-password');
  await heatUp(identity);
  const byPassword = () => identity.authenticate(login);
  assert.equal(identity.decide(await byPassword(), 'team-a/app', 'pull').allowed, false);
  await adminElsewhere(config, 'grant', 'alice', 'team-a/**', ['pull', 'push']);
  assert.equal(identity.decide(await byPassword(), 'team-a/app', 'push').allowed, true);
  const bearer = await heatUp(identity);
  const byToken = () => identity.authenticate(bearer);
  assert.equal(identity.decide(await byToken(), 'team-a/app', 'push').allowed, true);
  await adminElsewhere(config, 'revoke', 'alice', 'team-a/**', ['push']);
  assert.equal(identity.decide(await byToken(), 'team-a/app', 'push').reason, 'no-grant');
  assert.equal(identity.decide(await byToken(), 'team-a/app', 'pull').reason, 'grant');
  await adminElsewhere(config, 'revoke', 'alice', 'team-a/**');
  assert.equal(identity.decide(await byToken(), 'team-a/app', 'pull').reason, 'no-grant');
  assert.ok(!identity.readablePatterns(await byPassword()).includes('team-a/**'));
});

test('own writes invalidate as well', async (t) => {
  const { config } = await openBoth(t);
  const { openUsersDatabase } = await import('../../gateway/identity/users-database.ts');
  const database = openUsersDatabase(dataPaths(config).usersDatabase);
  t.after(() => database.close());
  const before = database.version();
  assert.equal(database.version(), before);
  database.write(() => database.connection.exec(`UPDATE accounts SET admin = 0`));
  assert.notEqual(database.version(), before);
});
