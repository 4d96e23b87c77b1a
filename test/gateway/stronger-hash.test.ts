import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { hashSync } from 'bcryptjs';
import { AccountStore } from '../../gateway/identity/account-store.ts';
import { noHtpasswd } from '../../gateway/identity/htpasswd-file.ts';
import { PasswordPool } from '../../gateway/identity/password-pool.ts';
import { PasswordStore } from '../../gateway/identity/password-store.ts';
import { StrongerHash } from '../../gateway/identity/stronger-hash.ts';
import { openUsersDatabase } from '../../gateway/identity/users-database.ts';
import { dataPaths } from '../../runtime/config.ts';
import { onEnd, type Scope } from '../support/scope.ts';
import { basic, openBoth, silentLog } from './identity-fixture.ts';
import { until } from './support.ts';

const password = 'the same password';

/** With alice, whose password was hashed at 4, in a server that hashes at 8. */
async function open(scope: Scope) {
  const both = await openBoth(scope);
  await both.admin.importHtpasswd(Buffer.from(`alice:${hashSync(password, 4)}\n`));
  const database = openUsersDatabase(dataPaths(both.config).usersDatabase);
  onEnd(scope, () => database.close());
  const accounts = new AccountStore(database);
  return { ...both, database, accounts, costOf: () => accounts.byName('alice')!.passwordHash.slice(4, 6) };
}

test('a login hashes a password again at the configured cost, and voids nothing', async (t) => {
  const { identity, accounts, costOf } = await open(t);
  const before = accounts.byName('alice')!;
  await assert.rejects(identity.authenticate(basic('alice', 'wrong password')), { reason: 'password' });
  const actor = await identity.authenticate(basic('alice', password));
  const token = `Bearer ${(await identity.issueToken(actor, { scopes: [] })).token}`;
  await until(() => costOf() === '08', 'the new hash');
  const after = accounts.byName('alice')!;
  assert.equal(after.credentialVersion, before.credentialVersion);
  assert.equal(after.updatedAt, before.updatedAt);
  assert.equal((await identity.authenticate(token)).name, 'alice');
  assert.equal((await identity.authenticate(basic('alice', password))).name, 'alice');
  await assert.rejects(identity.authenticate(basic('alice', 'wrong password')), { reason: 'password' });
});

async function openStronger(scope: TestContext, cost: number) {
  const opened = await open(scope);
  const pool = new PasswordPool({ threads: 1 });
  onEnd(scope, () => pool.close());
  const hashed = scope.mock.method(pool, 'hash');
  const stronger = new StrongerHash(new PasswordStore(opened.database, noHtpasswd), pool, cost, silentLog);
  return { ...opened, pool, stronger, hashed: () => hashed.mock.callCount() };
}

test('a password that changes meanwhile is left alone', async (t) => {
  const { accounts, admin, pool, stronger, costOf } = await openStronger(t, 9);
  t.mock.method(pool, 'hash', async () => {
    await admin.setPassword('alice', 'another password');
    return hashSync(password, 9);
  });
  stronger.replace(accounts.byName('alice')!, password);
  await stronger.settled();
  assert.equal(costOf(), '08', 'as the administrator set it');
});

test('only a lower cost is raised, of own passwords only, one at a time', async (t) => {
  const { accounts, stronger, costOf, hashed } = await openStronger(t, 5);
  const alice = accounts.byName('alice')!;
  stronger.replace({ ...alice, source: 'htpasswd' }, password);
  stronger.replace({ ...alice, passwordHash: hashSync(password, 6) }, password);
  stronger.replace({ ...alice, passwordHash: '' }, password);
  assert.equal(hashed(), 0);
  stronger.replace(alice, password);
  stronger.replace(alice, password);
  assert.equal(hashed(), 1);
  await stronger.settled();
  assert.equal(costOf(), '05');
  stronger.replace(accounts.byName('alice')!, password);
  assert.equal(hashed(), 1);
});

test('a queue that is full is no fault: the next login does it', async (t) => {
  const { accounts, pool, stronger, costOf } = await openStronger(t, 5);
  const alice = accounts.byName('alice')!;
  const full = t.mock.method(pool, 'hash', () => Promise.reject(new Error('too many')));
  stronger.replace(alice, password);
  await stronger.settled();
  assert.equal(costOf(), '04');
  full.mock.restore();
  stronger.replace(alice, password);
  await stronger.settled();
  assert.equal(costOf(), '05');
});
