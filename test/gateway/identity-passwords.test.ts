import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { BasicLogin } from '../../gateway/identity/basic-login.ts';
import { noHtpasswd } from '../../gateway/identity/htpasswd-file.ts';
import { LiveRights } from '../../gateway/identity/live-rights.ts';
import { LoginWork } from '../../gateway/identity/login-work.ts';
import { PasswordPool, passwordThreads } from '../../gateway/identity/password-pool.ts';
import { PasswordStore } from '../../gateway/identity/password-store.ts';
import { StrongerHash } from '../../gateway/identity/stronger-hash.ts';
import { openUsersDatabase } from '../../gateway/identity/users-database.ts';
import { dataPaths } from '../../runtime/config.ts';
import { onEnd, type Scope } from '../support/scope.ts';
import { openBoth, silentLog } from './identity-fixture.ts';

function openPool(scope: Scope, options = {}): PasswordPool {
  const pool = new PasswordPool(options);
  onEnd(scope, () => pool.close());
  return pool;
}

test('hashes are made and compared, $2y$ as well', async (t) => {
  const pool = openPool(t);
  const hash = await pool.hash('correct horse', 8);
  assert.match(hash, /^\$2b\$08\$/);
  assert.equal(await pool.compare('correct horse', hash), true);
  assert.equal(await pool.compare('correct horse', hash.replace('$2b$', '$2y$')), true);
  assert.equal(await pool.compare('correct horsf', hash), false);
});

test('the queue has an end', async (t) => {
  const pool = openPool(t, { threads: 1, maxWaiting: 2 });
  const accepted = [1, 2, 3].map((number) => pool.hash(`password ${number}`, 8));
  await assert.rejects(pool.hash('one too many', 8), {
    code: 'UNAVAILABLE',
    status: 503,
    headers: { 'Retry-After': '5' },
  });
  assert.equal((await Promise.all(accepted)).length, 3);
  assert.match(await pool.hash('there is room again', 8), /^\$2b\$/);
});

test('who waits when the pool closes is told', async () => {
  const pool = new PasswordPool({ threads: 1 });
  const waiting = [1, 2].map((number) => pool.hash(`password ${number}`, 12));
  const told = Promise.all(waiting.map((job) => assert.rejects(job, { code: 'UNAVAILABLE' })));
  await pool.close();
  await told;
  await assert.rejects(pool.hash('too late', 8), { code: 'UNAVAILABLE' });
});

test('a fault of one task is not one of the next', async (t) => {
  const pool = openPool(t, { threads: 1 });
  await assert.rejects(pool.compare('password', '$2b$99$'.padEnd(60, 'x')), /bcrypt/);
  assert.match(await pool.hash('password', 8), /^\$2b\$/);
});

/** A login with a pool whose comparisons are counted. */
async function openLogin(scope: Scope) {
  const { admin, config } = await openBoth(scope);
  await admin.addUser('alice', 'alice-password');
  const database = openUsersDatabase(dataPaths(config).usersDatabase);
  onEnd(scope, () => database.close());
  const pool = openPool(scope);
  const compare = mock.method(pool, 'compare');
  const store = new PasswordStore(database, noHtpasswd);
  const stronger = new StrongerHash(store, pool, 8, silentLog);
  const rights = new LiveRights(database, { templates: [] });
  const login = new BasicLogin(rights, pool, new LoginWork(store, 8), stronger);
  return { admin, login, comparisons: () => compare.mock.callCount(), compare };
}

test('identical logins at once share one comparison, later ones need none', async (t) => {
  const { login, comparisons } = await openLogin(t);
  await Promise.all(Array.from({ length: 20 }, () => login.verify('alice', 'alice-password')));
  assert.equal(comparisons(), 1);
  await login.verify('alice', 'alice-password');
  assert.equal(comparisons(), 1);
});

test('only who has to be compared waits first: not a login that is remembered', async (t) => {
  const { login, comparisons } = await openLogin(t);
  const waits: number[] = [];
  const wait = async () => void waits.push(comparisons());
  await login.verify('alice', 'alice-password', wait);
  await login.verify('alice', 'alice-password', wait);
  assert.deepEqual(waits, [0]);
  await assert.rejects(login.verify('nobody', 'some-password', wait), { reason: 'unknown' });
  assert.deepEqual(waits, [0, 1]);
});

test('failed logins are not remembered', async (t) => {
  const { login, comparisons } = await openLogin(t);
  for (let tries = 1; tries <= 3; tries++) {
    await assert.rejects(login.verify('alice', 'wrong-password'), { reason: 'password' });
    assert.equal(comparisons(), tries);
  }
});

test('an unknown name costs a comparison at the configured cost', async (t) => {
  const { login, compare } = await openLogin(t);
  for (const name of ['nobody', 'No Name!', '', 'anonymous']) {
    await assert.rejects(login.verify(name, 'some-password'), { reason: 'unknown' });
    const hash = compare.mock.calls.at(-1)?.arguments[1] ?? '';
    assert.match(hash, /^\$2b\$08\$[./A-Za-z0-9]{53}$/, name);
  }
  assert.equal(compare.mock.callCount(), 4);
});

test('a verified login is forgotten when it is not used for a while', async (t) => {
  const { login, comparisons } = await openLogin(t);
  let now = performance.now();
  t.mock.method(performance, 'now', () => now);
  await login.verify('alice', 'alice-password');
  now += 9 * 60_000;
  await login.verify('alice', 'alice-password');
  now += 9 * 60_000;
  await login.verify('alice', 'alice-password');
  assert.equal(comparisons(), 1);
  now += 11 * 60_000;
  await login.verify('alice', 'alice-password');
  assert.equal(comparisons(), 2);
});

test('what is remembered does not outlive the password, the account, or its being enabled', async (t) => {
  const { login, admin } = await openLogin(t);
  await login.verify('alice', 'alice-password');
  await admin.setPassword('alice', 'second-password');
  await assert.rejects(login.verify('alice', 'alice-password'), { reason: 'password' });
  await login.verify('alice', 'second-password');
  await admin.setEnabled('alice', false);
  await assert.rejects(login.verify('alice', 'second-password'), { reason: 'disabled' });
  await admin.setEnabled('alice', true);
  await login.verify('alice', 'second-password');
  await admin.removeUser('alice');
  await assert.rejects(login.verify('alice', 'second-password'), { reason: 'unknown' });
  await admin.addUser('alice', 'third-password');
  await assert.rejects(login.verify('alice', 'second-password'), { reason: 'password' });
});

test('a password that changes while it is compared is the old one', async (t) => {
  const { login, admin, compare } = await openLogin(t);
  compare.mock.mockImplementationOnce(async () => {
    await admin.setPassword('alice', 'second-password');
    return true;
  });
  await assert.rejects(login.verify('alice', 'alice-password'), { reason: 'password' });
});

test('a longer password than bcrypt reads is wrong, whatever its first 72 bytes are', async (t) => {
  const { login, admin } = await openLogin(t);
  const longest = 'x'.repeat(72);
  await admin.setPassword('alice', longest);
  await login.verify('alice', longest);
  await assert.rejects(login.verify('alice', `${longest}x`), { reason: 'password' });
  await assert.rejects(login.verify('alice', `${'ä'.repeat(36)}x`), { reason: 'password' });
});

test('password threads leave a core free, and worker processes share them', () => {
  const table = [
    [1, 1, 1],
    [1, 4, 3],
    [1, 16, 4],
    [2, 4, 1],
    [2, 16, 2],
    [8, 16, 1],
  ] as const;
  for (const [workers, cores, threads] of table) assert.equal(passwordThreads(workers, cores), threads);
});
