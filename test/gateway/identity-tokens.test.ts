import assert from 'node:assert/strict';
import { createHmac, createPublicKey, generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import { openIdentity, parseScopes } from '../../gateway/identity/index.ts';
import { runOk } from '../support/processes.ts';
import type { Scope } from '../support/scope.ts';
import {
  basic,
  decodeJwt,
  es256,
  makeJwt,
  openBoth,
  silentLog,
  storedKeys,
  testConfig,
  thumbprint,
} from './identity-fixture.ts';

async function openWithAlice(scope: Scope, flags = {}) {
  const both = await openBoth(scope, flags);
  await both.admin.addUser('alice', 'alice-password');
  const actor = await both.identity.authenticate(basic('alice', 'alice-password'));
  const issue = async (...scopes: string[]) =>
    (await both.identity.issueToken(actor, { scopes: parseScopes(scopes) })).token;
  return { ...both, actor, issue };
}

test('the answer has the fields of the token specification', async (t) => {
  const { identity, actor, config } = await openWithAlice(t, { 'auth.token_lifetime': '5m' });
  const scopes = parseScopes([
    'repository:alice/app:pull,push repository:bob/app:pull',
    'registry:catalog:*',
  ]);
  const answer = await identity.issueToken(actor, { scopes });
  assert.equal(answer.access_token, answer.token);
  assert.equal(answer.expires_in, 300);
  assert.match(answer.issued_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/);
  assert.equal(answer.scope, 'repository:alice/app:pull,push registry:catalog:*');
  const { header, claims } = decodeJwt(answer.token);
  const [key] = storedKeys(config);
  assert.deepEqual(header, { alg: 'ES256', kid: thumbprint(key!.jwk), typ: 'JWT' });
  assert.equal(claims['iss'], identity.service);
  assert.equal(claims['aud'], identity.service);
  assert.equal(claims['sub'], 'alice');
  assert.equal(Number(claims['exp']) - Number(claims['iat']), 300);
  assert.equal(Date.parse(answer.issued_at) / 1000, claims['iat']);
  assert.deepEqual(claims['access'], [
    { type: 'repository', name: 'alice/app', actions: ['pull', 'push'] },
    { type: 'registry', name: 'catalog', actions: ['*'] },
  ]);
});

test('a token is for what was asked and is granted', async (t) => {
  const { identity, actor, admin } = await openWithAlice(t);
  const narrowed = async (text: string) =>
    (await identity.issueToken(actor, { scopes: parseScopes([text]) })).scope;
  assert.equal(await narrowed('repository:bob/app:pull,push'), undefined);
  assert.equal(await narrowed('repository:alice/app:*'), 'repository:alice/app:pull,push,delete');
  assert.equal(await narrowed('repository:alice/app:fly'), undefined);
  assert.equal(await narrowed('other:alice/app:pull'), undefined);
  assert.equal(await narrowed('registry:other:*'), undefined);
  await admin.grant('alice', 'bob/**', ['pull']);
  assert.equal(await narrowed('repository:bob/app:pull,push'), 'repository:bob/app:pull');
});

test('a token authenticates its account with its scopes', async (t) => {
  const { identity, issue } = await openWithAlice(t);
  const token = await issue('repository:alice/app:pull');
  for (const scheme of ['Bearer', 'bearer']) {
    const actor = await identity.authenticate(`${scheme} ${token}`);
    assert.equal(actor.name, 'alice');
    assert.deepEqual(actor.scopes, [{ type: 'repository', name: 'alice/app', actions: ['pull'] }]);
    assert.equal(identity.decide(actor, 'alice/app', 'pull').allowed, true);
    assert.equal(identity.decide(actor, 'alice/app', 'push').reason, 'scope');
  }
});

test('a token without scopes logs in and does nothing', async (t) => {
  const { identity, issue } = await openWithAlice(t);
  const actor = await identity.authenticate(`Bearer ${await issue()}`);
  assert.deepEqual(actor.scopes, []);
  assert.equal(identity.decide(actor, 'alice/app', 'pull').reason, 'scope');
});

test('a token begets no token', async (t) => {
  const { identity, issue } = await openWithAlice(t);
  const actor = await identity.authenticate(`Bearer ${await issue('repository:alice/app:pull')}`);
  await assert.rejects(identity.issueToken(actor, { scopes: [] }), { code: 'UNAUTHORIZED' });
});

test('an anonymous token gives what anonymous may', async (t) => {
  const { identity, admin } = await openWithAlice(t);
  await admin.grant('anonymous', 'public/**', ['pull']);
  const anonymous = await identity.authenticate(undefined);
  const scopes = parseScopes(['repository:public/x:pull,push repository:alice/app:pull']);
  const answer = await identity.issueToken(anonymous, { scopes });
  assert.equal(answer.scope, 'repository:public/x:pull');
  const actor = await identity.authenticate(`Bearer ${answer.token}`);
  assert.equal(actor.kind, 'anonymous');
  assert.equal(identity.decide(actor, 'public/x', 'pull').allowed, true);
  await admin.revoke('anonymous', 'public/**');
  assert.equal(identity.decide(actor, 'public/x', 'pull').allowed, false);
});

test('only the own service is served', async (t) => {
  const { identity } = await openWithAlice(t);
  for (const fine of [undefined, '', identity.service]) identity.checkService(fine);
  assert.throws(() => identity.checkService('registry.example.org'), {
    code: 'PARAMETER_INVALID',
    message: new RegExp(identity.service),
  });
});

test('forged and foreign tokens are refused', async (t) => {
  const { identity, issue, config } = await openWithAlice(t);
  const good = await issue('repository:alice/app:pull');
  const { header, claims } = decodeJwt(good);
  const { key } = storedKeys(config)[0]!;
  const foreign = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const foreignJwk = foreign.publicKey.export({ format: 'jwk' }) as { x: string; y: string };
  const publicPem = createPublicKey(key).export({ format: 'pem', type: 'spki' });
  const hmac = (secret: string | Buffer) => (input: string) =>
    createHmac('sha256', secret).update(input).digest();
  const now = Math.floor(Date.now() / 1000);
  const own = es256(key);
  const parts = good.split('.');
  const widened = { ...claims, access: [{ type: 'repository', name: 'bob/app', actions: ['push'] }] };
  const encoded = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const table: Record<string, [token: string, reason: string]> = {
    'alg none': [makeJwt({ ...header, alg: 'none' }, claims, () => Buffer.alloc(0)), 'algorithm'],
    'alg None': [makeJwt({ ...header, alg: 'None' }, claims, () => Buffer.alloc(0)), 'algorithm'],
    'HS256 with the public key': [makeJwt({ ...header, alg: 'HS256' }, claims, hmac(publicPem)), 'algorithm'],
    'HS256 with an empty secret': [makeJwt({ ...header, alg: 'HS256' }, claims, hmac('')), 'algorithm'],
    'foreign key, our kid': [makeJwt(header, claims, es256(foreign.privateKey)), 'signature'],
    'foreign key, its kid': [
      makeJwt({ ...header, kid: thumbprint(foreignJwk) }, claims, es256(foreign.privateKey)),
      'unknown-key',
    ],
    'key in the header': [
      makeJwt({ ...header, jwk: foreignJwk }, claims, es256(foreign.privateKey)),
      'signature',
    ],
    'key by URL': [
      makeJwt({ alg: 'ES256', jku: 'http://127.0.0.1:1/keys', kid: 'x' }, claims, es256(foreign.privateKey)),
      'unknown-key',
    ],
    'kid as a path': [makeJwt({ ...header, kid: '../../dev/null' }, claims, hmac('')), 'unknown-key'],
    'kid as SQL': [makeJwt({ ...header, kid: "' OR 1=1 --" }, claims, own), 'unknown-key'],
    'kid of a prototype': [makeJwt({ ...header, kid: '__proto__' }, claims, own), 'unknown-key'],
    'no kid': [makeJwt({ alg: 'ES256', typ: 'JWT' }, claims, own), 'unknown-key'],
    'other audience': [makeJwt(header, { ...claims, aud: 'other' }, own), 'audience'],
    'no audience': [makeJwt(header, { ...claims, aud: undefined }, own), 'audience'],
    'other issuer': [makeJwt(header, { ...claims, iss: 'other' }, own), 'issuer'],
    expired: [makeJwt(header, { ...claims, exp: now - 10 }, own), 'expired'],
    'without an end': [makeJwt(header, { ...claims, exp: undefined }, own), 'malformed'],
    'not yet valid': [makeJwt(header, { ...claims, nbf: now + 60 }, own), 'not-yet-valid'],
    'other type': [makeJwt({ ...header, typ: 'at+jwt' }, claims, own), 'malformed'],
    'critical extension': [makeJwt({ ...header, crit: ['x'], x: 1 }, claims, own), 'malformed'],
    'tampered claims': [`${parts[0]}.${encoded(widened)}.${parts[2]}`, 'signature'],
    'no signature': [`${parts[0]}.${parts[1]}.`, 'signature'],
    'two parts': [`${parts[0]}.${parts[1]}`, 'malformed'],
    'no token': ['x', 'malformed'],
    'other account': [makeJwt(header, { ...claims, account: { id: 99, version: 1 } }, own), 'revoked'],
    'other name': [makeJwt(header, { ...claims, sub: 'root' }, own), 'revoked'],
    'name without account': [makeJwt(header, { ...claims, account: undefined }, own), 'malformed'],
  };
  for (const [what, [token, reason]] of Object.entries(table)) {
    const refused = { code: 'UNAUTHORIZED', status: 401, detail: { reason } };
    await assert.rejects(identity.authenticate(`Bearer ${token}`), refused, what);
    await assert.rejects(identity.authenticate(`Bearer ${token}`), refused, `${what}, again`);
  }
  assert.equal((await identity.authenticate(`Bearer ${good}`)).name, 'alice');
});

test('a small difference of clocks is tolerated', async (t) => {
  const { identity, issue, config } = await openWithAlice(t);
  const { header, claims } = decodeJwt(await issue());
  const own = es256(storedKeys(config)[0]!.key);
  const now = Math.floor(Date.now() / 1000);
  for (const change of [{ exp: now - 2 }, { nbf: now + 3 }]) {
    assert.equal(
      (await identity.authenticate(`Bearer ${makeJwt(header, { ...claims, ...change }, own)}`)).name,
      'alice',
    );
  }
});

test('a remembered token is not accepted after its end', async (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() });
  const { identity, issue } = await openWithAlice(t, { 'auth.token_lifetime': '60s' });
  const header = `Bearer ${await issue()}`;
  await identity.authenticate(header);
  t.mock.timers.tick(58_000);
  await identity.authenticate(header);
  t.mock.timers.tick(10_000);
  await assert.rejects(identity.authenticate(header), { detail: { reason: 'expired' } });
});

test('a token of another installation is foreign', async (t) => {
  const here = await openWithAlice(t);
  const there = await openWithAlice(t);
  assert.notEqual(here.identity.service, there.identity.service);
  const token = await there.issue();
  await assert.rejects(here.identity.authenticate(`Bearer ${token}`), { detail: { reason: 'unknown-key' } });
});

test('the key and the service outlive the process', async (t) => {
  const { identity, issue, config } = await openWithAlice(t);
  const token = await issue();
  const next = await openIdentity({ config, log: silentLog });
  t.after(() => next.close());
  assert.equal(next.service, identity.service);
  assert.equal((await next.authenticate(`Bearer ${token}`)).name, 'alice');
});

test('who finds no key at the same moment as another takes the key of the first', async (t) => {
  const config = await testConfig(t);
  // Both look for a key before either has made one.
  const both = await Promise.all([1, 2].map(() => openIdentity({ config, log: silentLog })));
  for (const identity of both) t.after(() => identity.close());
  const [one, other] = both;
  const { token } = await one!.issueToken(await one!.authenticate(undefined), { scopes: [] });
  assert.equal(storedKeys(config).length, 1);
  assert.deepEqual((await other!.authenticate(`Bearer ${token}`)).scopes, []);
});

test('processes that start at once share one signing key', async (t) => {
  const config = await testConfig(t);
  const url = (path: string) => JSON.stringify(new URL(path, import.meta.url));
  const script = `
    const { loadConfig } = await import(${url('../../runtime/config.ts')});
    const { openIdentity } = await import(${url('../../gateway/identity/index.ts')});
    const config = loadConfig({ environment: {}, flags: { data: process.argv[1] } }).config;
    const identity = await openIdentity({ config, log: { debug() {}, info() {}, warn() {}, error() {} } });
    const actor = await identity.authenticate(undefined);
    process.stdout.write((await identity.issueToken(actor, { scopes: [] })).token);
    await identity.close();`;
  const tokens = await Promise.all(
    Array.from({ length: 4 }, () =>
      runOk(process.execPath, ['--input-type=module', '-e', script, config.data]),
    ),
  );
  const keys = storedKeys(config);
  assert.equal(keys.length, 1);
  assert.deepEqual(
    tokens.map((token) => decodeJwt(token).header['kid']),
    tokens.map(() => keys[0]!.kid),
  );
  const services = new Set(tokens.map((token) => decodeJwt(token).claims['aud']));
  assert.equal(services.size, 1);
});
