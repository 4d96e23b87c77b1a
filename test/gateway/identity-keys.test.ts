import assert from 'node:assert/strict';
import { createPublicKey, verify } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { openIdentity, parseScopes } from '../../gateway/identity/index.ts';
import { openDatabase } from '../../runtime/sqlite.ts';
import { onEnd, type Scope } from '../support/scope.ts';
import {
  adminElsewhere,
  basic,
  decodeJwt,
  es256,
  type Flags,
  makeJwt,
  openBoth,
  silentLog,
  storedKeys,
  thumbprint,
} from './identity-fixture.ts';

async function openWithAlice(scope: Scope, flags: Flags = {}) {
  const both = await openBoth(scope, flags);
  await both.admin.addUser('alice', 'alice-password');
  const issue = async () => {
    const actor = await both.identity.authenticate(basic('alice', 'alice-password'));
    const scopes = parseScopes(['repository:alice/app:pull']);
    return (await both.identity.issueToken(actor, { scopes })).token;
  };
  const bearer = (token: string) => both.identity.authenticate(`Bearer ${token}`);
  return { ...both, issue, bearer };
}

const kidOf = (token: string) => decodeJwt(token).header['kid'];
const unknownKey = { code: 'UNAUTHORIZED', detail: { reason: 'unknown-key' } };

test('rotated by another process: the next token has the new key, and those of the old one live on', async (t) => {
  const { config, admin, issue, bearer } = await openWithAlice(t);
  const before = await issue();
  await bearer(before);
  await adminElsewhere(config, 'rotateKey');
  const after = await issue();
  assert.notEqual(kidOf(after), kidOf(before));
  assert.equal((await bearer(before)).name, 'alice');
  assert.equal((await bearer(after)).name, 'alice');
  assert.deepEqual(
    (await admin.listKeys()).map(({ kid, state, endsAt }) => [kid, state, endsAt === undefined]),
    [
      [kidOf(after), 'signing', true],
      [kidOf(before), 'verifying', false],
    ],
  );
});

test('the old key ends by itself when the last of its tokens has ended', async (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() });
  const { config, admin, identity, issue } = await openWithAlice(t, { 'auth.token_lifetime': '10m' });
  const { header, claims } = decodeJwt(await issue());
  const { key } = storedKeys(config)[0]!;
  await admin.rotateKey();
  // Whoever has stolen the old key makes a token that lasts.
  const forged = () => `Bearer ${makeJwt(header, { ...claims, exp: 4_000_000_000 }, es256(key))}`;
  const header1 = forged();
  await identity.authenticate(header1);
  t.mock.timers.tick(9 * 60_000);
  await identity.authenticate(header1);
  assert.equal((await identity.keySet()).keys.length, 2);
  t.mock.timers.tick(60_000 + 10_000);
  await assert.rejects(identity.authenticate(header1), unknownKey);
  assert.equal((await identity.keySet()).keys.length, 1);
  assert.equal((await admin.listKeys()).length, 1);
  await admin.rotateKey();
  const database = openDatabase(join(config.data, 'users.db'));
  onEnd(t, () => database.close());
  const kids = database.prepare('SELECT kid FROM signing_keys').pluck().all();
  assert.ok(!kids.includes(header['kid']), 'its row goes with the next rotation');
});

test('a key is kept for the longest life that its tokens ever had', async (t) => {
  const { config, admin, identity } = await openWithAlice(t, { 'auth.token_lifetime': '2h' });
  const shorter = await openIdentity({
    config: { ...config, 'auth.token_lifetime': 60_000 },
    log: silentLog,
  });
  onEnd(t, () => shorter.close());
  await identity.keySet();
  await admin.rotateKey();
  const [, old] = await admin.listKeys();
  const leftMs = Date.parse(old!.endsAt!) - Date.now();
  assert.ok(leftMs > 7_190_000 && leftMs < 7_210_000, String(leftMs));
});

test('revoked with the rotation, the tokens of the old key are void at once', async (t) => {
  const { config, admin, issue, bearer } = await openWithAlice(t);
  const first = await issue();
  await admin.rotateKey();
  const second = await issue();
  await bearer(first);
  await bearer(second);
  await adminElsewhere(config, 'rotateKey', { revoke: true });
  await assert.rejects(bearer(first), unknownKey);
  await assert.rejects(bearer(second), unknownKey);
  assert.equal((await bearer(await issue())).name, 'alice');
  assert.equal((await admin.listKeys()).length, 1);
});

test('the private part of a key that was rotated out is nowhere in the data directory', async (t) => {
  const { config, admin, identity } = await openWithAlice(t);
  const { jwk } = storedKeys(config)[0]!;
  const secret = (jwk as unknown as { d: string }).d;
  const holders = () =>
    readdirSync(config.data).filter((name) => {
      const path = join(config.data, name);
      return statSync(path).isFile() && readFileSync(path).includes(secret);
    });
  assert.notDeepEqual(holders(), []);
  await admin.rotateKey();
  await identity.keySet();
  assert.deepEqual(holders(), []);
});

test('who may read keys is the owner alone', async (t) => {
  const { config } = await openWithAlice(t);
  const files = readdirSync(config.data).filter((name) => name.startsWith('users.db'));
  assert.ok(files.includes('users.db') && files.includes('users.db-wal'), files.join());
  for (const name of files) assert.equal(statSync(join(config.data, name)).mode & 0o777, 0o600, name);
});

test('the key set has the public keys in the form of RFC 7517, and verifies our tokens', async (t) => {
  const { identity, admin, issue } = await openWithAlice(t);
  const before = await issue();
  await admin.rotateKey();
  const tokens = [await issue(), before];
  const { keys } = await identity.keySet();
  assert.equal(keys.length, 2);
  for (const [index, key] of keys.entries()) {
    assert.deepEqual(Object.keys(key).sort(), ['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y']);
    assert.deepEqual([key.alg, key.crv, key.kty, key.use], ['ES256', 'P-256', 'EC', 'sig']);
    assert.equal(key.kid, thumbprint(key));
    const [header, claims, signature] = tokens[index]!.split('.');
    const publicKey = createPublicKey({ key: { ...key }, format: 'jwk' });
    const bytes = Buffer.from(signature!, 'base64url');
    assert.ok(
      verify(
        'sha256',
        Buffer.from(`${header}.${claims}`),
        { key: publicKey, dsaEncoding: 'ieee-p1363' },
        bytes,
      ),
    );
  }
});
