import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { hashSync } from 'bcryptjs';
import { openIdentity, parseScopes } from '../../gateway/identity/index.ts';
import { openDatabase } from '../../runtime/sqlite.ts';
import { temporaryDirectory } from '../support/files.ts';
import { onEnd, type Scope } from '../support/scope.ts';
import { adminElsewhere, basic, type Fixture, type Flags, openBoth, silentLog } from './identity-fixture.ts';

const device = { clientId: 'docker', clientAddress: '192.0.2.1' };
const refused = { code: 'UNAUTHORIZED', reason: 'refresh-token' };
const dayMs = 86_400_000;

async function openWithAlice(scope: Scope, flags: Flags = {}) {
  const both = await openBoth(scope, flags);
  await both.admin.addUser('alice', 'alice-password');
  const logIn = async (password = 'alice-password') => {
    const actor = await both.identity.authenticate(basic('alice', password));
    const { token, refresh_token: secret } = await both.identity.issueToken(actor, {
      scopes: parseScopes(['repository:alice/app:pull']),
      device,
    });
    return { token, secret: secret! };
  };
  const redeem = (secret: string) => both.identity.redeem(secret, undefined);
  const accessToken = async (secret: string) =>
    (await both.identity.issueToken(await redeem(secret), { scopes: [] })).token;
  const bearer = (token: string) => both.identity.authenticate(`Bearer ${token}`);
  return { ...both, logIn, redeem, accessToken, bearer };
}

/** Reads and changes users.db as another process would. */
function inDatabase<Result>(
  { config }: Pick<Fixture, 'config'>,
  use: (database: ReturnType<typeof openDatabase>) => Result,
): Result {
  const database = openDatabase(join(config.data, 'users.db'));
  try {
    return use(database);
  } finally {
    database.close();
  }
}

function age(fixture: Pick<Fixture, 'config'>, ms: number): void {
  inDatabase(fixture, (database) =>
    database.prepare('UPDATE refresh_tokens SET renewed_at = renewed_at - ?').run(ms),
  );
}

const contents = (fixture: Pick<Fixture, 'config'>) =>
  inDatabase(fixture, (database) => database.prepare('SELECT * FROM refresh_tokens').all()) as Record<
    string,
    unknown
  >[];

test('a refresh token stands for its account and is stored as a hash', async (t) => {
  const alice = await openWithAlice(t);
  const { secret } = await alice.logIn();
  const actor = await alice.redeem(secret);
  assert.equal(actor.name, 'alice');
  const [row] = contents(alice);
  assert.deepEqual(actor.credential, { kind: 'refresh-token', id: row!['id'] });
  assert.equal(row!['client_id'], 'docker');
  assert.equal(row!['client_address'], '192.0.2.1');
  assert.ok(!JSON.stringify(row).includes(secret.slice(30)));
});

test('each login is a device of its own', async (t) => {
  const { logIn, redeem } = await openWithAlice(t);
  const [one, other] = [await logIn(), await logIn()];
  assert.notEqual((await redeem(one.secret)).credential?.id, (await redeem(other.secret)).credential?.id);
});

test('its life slides: used in its second half it begins anew, unused it ends', async (t) => {
  const alice = await openWithAlice(t, { 'auth.refresh_lifetime': '30d' });
  const { secret } = await alice.logIn();
  for (let use = 0; use < 3; use++) {
    age(alice, 29 * dayMs);
    await alice.redeem(secret);
  }
  age(alice, 30 * dayMs);
  await assert.rejects(alice.redeem(secret), refused);
});

test('use in its first half writes nothing', async (t) => {
  const alice = await openWithAlice(t);
  const { secret } = await alice.logIn();
  age(alice, 14 * dayMs);
  const version = () =>
    inDatabase(alice, (database) => database.prepare('SELECT renewed_at FROM refresh_tokens').pluck().get());
  const before = version();
  await alice.redeem(secret);
  assert.equal(version(), before);
  age(alice, 2 * dayMs);
  await alice.redeem(secret);
  assert.ok(Number(version()) > Number(before));
});

test('a shorter life by configuration holds for those that are there', async (t) => {
  const alice = await openWithAlice(t);
  const { secret, token } = await alice.logIn();
  age(alice, dayMs);
  for (const life of ['12h', '0']) {
    const next = await openIdentity({
      config: { ...alice.config, 'auth.refresh_lifetime': life === '0' ? 0 : dayMs / 2 },
      log: silentLog,
    });
    onEnd(t, () => next.close());
    await assert.rejects(next.redeem(secret, undefined), refused);
    assert.equal((await next.authenticate(`Bearer ${token}`)).name, 'alice');
  }
});

test('without refresh tokens by configuration none is issued', async (t) => {
  const { logIn } = await openWithAlice(t, { 'auth.refresh_lifetime': '0' });
  assert.equal((await logIn()).secret, undefined);
});

test('only a password gets one', async (t) => {
  const { identity, logIn, redeem } = await openWithAlice(t);
  const actor = await redeem((await logIn()).secret);
  assert.equal((await identity.issueToken(actor, { scopes: [], device })).refresh_token, undefined);
  const anonymous = await identity.authenticate(undefined);
  assert.equal((await identity.issueToken(anonymous, { scopes: [], device })).refresh_token, undefined);
});

test('one device too many drops the one that was renewed least recently', async (t) => {
  const alice = await openWithAlice(t, { 'auth.refresh_tokens_per_user': '3' });
  const secrets: string[] = [];
  for (let count = 0; count < 3; count++) {
    secrets.push((await alice.logIn()).secret);
    age(alice, 5 * dayMs);
  }
  // The first one, 15 days old, is renewed by its use.
  await alice.redeem(secrets[0]!);
  secrets.push((await alice.logIn()).secret);
  await assert.rejects(alice.redeem(secrets[1]!), refused);
  for (const secret of [secrets[0]!, secrets[2]!, secrets[3]!]) await alice.redeem(secret);
  assert.equal(contents(alice).length, 3);
});

test('rows that are over or void go with the next login', async (t) => {
  const alice = await openWithAlice(t);
  await alice.logIn();
  await alice.admin.setPassword('alice', 'another-password');
  await alice.logIn('another-password');
  assert.equal(contents(alice).length, 1);
  age(alice, 31 * dayMs);
  await alice.admin.addUser('bob', 'bobs-password');
  const bob = await alice.identity.authenticate(basic('bob', 'bobs-password'));
  await alice.identity.issueToken(bob, { scopes: [], device });
  assert.equal(contents(alice).length, 1);
});

test('what voids it by another process voids its access tokens too, with the very next request', async (t) => {
  const alice = await openWithAlice(t);
  const table: [what: string, change: (id: string) => Promise<void>, undo?: () => Promise<void>][] = [
    ['revoked', (id) => adminElsewhere(alice.config, 'revokeSession', id)],
    ['all of the user revoked', () => adminElsewhere(alice.config, 'revokeSessions', 'alice')],
    ['disabled', () => adminElsewhere(alice.config, 'setEnabled', 'alice', false), enable],
    ['password', () => adminElsewhere(alice.config, 'setPassword', 'alice', 'alice-password')],
    ['removed', () => adminElsewhere(alice.config, 'removeUser', 'alice')],
  ];
  function enable() {
    return alice.admin.setEnabled('alice', true);
  }
  for (const [what, change, undo] of table) {
    const { secret, token: first } = await alice.logIn();
    const second = await alice.accessToken(secret);
    for (const token of [first, second]) await alice.bearer(token);
    await change((await alice.redeem(secret)).credential!.id!);
    for (const token of [first, second]) {
      await assert.rejects(alice.bearer(token), { detail: { reason: 'revoked' } }, what);
    }
    await assert.rejects(alice.redeem(secret), refused, what);
    await undo?.();
    for (const token of [first, second]) await assert.rejects(alice.bearer(token), what);
    await assert.rejects(alice.redeem(secret), refused, what);
  }
});

test('to revoke one device leaves the others alone', async (t) => {
  const alice = await openWithAlice(t);
  const [lost, kept] = [await alice.logIn(), await alice.logIn()];
  const plain = await alice.identity.issueToken(
    await alice.identity.authenticate(basic('alice', 'alice-password')),
    { scopes: [] },
  );
  await adminElsewhere(alice.config, 'revokeSession', (await alice.redeem(lost.secret)).credential!.id!);
  await assert.rejects(alice.bearer(lost.token), { detail: { reason: 'revoked' } });
  assert.equal((await alice.bearer(kept.token)).name, 'alice');
  assert.equal((await alice.redeem(kept.secret)).name, 'alice');
  assert.equal((await alice.bearer(plain.token)).name, 'alice');
});

test('a new account of an old name does not inherit', async (t) => {
  const alice = await openWithAlice(t);
  const { secret, token } = await alice.logIn();
  await alice.admin.removeUser('alice');
  await alice.admin.addUser('alice', 'alice-password');
  await assert.rejects(alice.redeem(secret), refused);
  await assert.rejects(alice.bearer(token), { detail: { reason: 'revoked' } });
});

test('the list shows the devices that are logged in, and no secret', async (t) => {
  const alice = await openWithAlice(t);
  const { secret } = await alice.logIn();
  await alice.admin.addUser('bob', 'bobs-password');
  const bob = await alice.identity.authenticate(basic('bob', 'bobs-password'));
  await alice.identity.issueToken(bob, { scopes: [], device: { ...device, clientId: 'containerd' } });
  const sessions = await alice.admin.listSessions();
  assert.deepEqual(
    sessions.map(({ user, client, address }) => [user, client, address]),
    [
      ['alice', 'docker', '192.0.2.1'],
      ['bob', 'containerd', '192.0.2.1'],
    ],
  );
  assert.ok(!JSON.stringify(sessions).includes(secret.slice(30)));
  assert.equal((await alice.admin.listSessions('bob')).length, 1);
  await assert.rejects(alice.admin.listSessions('nobody'), { code: 'USER_UNKNOWN' });
  await assert.rejects(alice.admin.revokeSession('nothing'), { code: 'SESSION_UNKNOWN' });
  assert.equal(await alice.admin.revokeSessions('alice'), 1);
  age(alice, 31 * dayMs);
  assert.deepEqual(await alice.admin.listSessions(), []);
});

test('users of an htpasswd file get them too, void when their line changes', async (t) => {
  const file = join(await temporaryDirectory(t, 'htpasswd'), 'htpasswd');
  const write = (password: string) => writeFile(file, `erin:${hashSync(password, 8)}\n`);
  await write('erins-password');
  const { identity, admin } = await openBoth(t, { 'auth.htpasswd_file': file });
  const erin = await identity.authenticate(basic('erin', 'erins-password'));
  const issued = await identity.issueToken(erin, { scopes: [], device });
  const secret = issued.refresh_token!;
  assert.equal((await identity.redeem(secret, undefined)).name, 'erin');
  assert.equal((await identity.authenticate(`Bearer ${issued.token}`)).name, 'erin');
  assert.equal((await admin.listSessions('erin')).length, 1);
  await write('another-password');
  await identity.htpasswd();
  await assert.rejects(identity.redeem(secret, undefined), refused);
  await assert.rejects(identity.authenticate(`Bearer ${issued.token}`), { detail: { reason: 'revoked' } });
});
