import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import { parseScopes } from '../../gateway/identity/index.ts';
import type { Actor } from '../../gateway/identity/types.ts';
import type { Scope } from '../support/scope.ts';
import { basic, decodeJwt, openBoth, storedKeys } from './identity-fixture.ts';

const services = 'registry.example.org,other=mirror/other';
const device = { clientId: 'docker', clientAddress: '192.0.2.1' };

async function open(scope: Scope) {
  const both = await openBoth(scope, { 'auth.services': services });
  const { admin, identity } = both;
  await admin.ensureFirstAdmin(() => 'admin-password');
  await admin.addUser('alice', 'alice-password');
  await admin.grant('alice', 'team/**', ['pull', 'push']);
  await admin.grant('alice', 'mirror/other/app', ['pull']);
  const alice = await identity.authenticate(basic('alice', 'alice-password'));
  const issue = (service: string, texts: string[], actor: Actor = alice) =>
    identity.issueToken(actor, { scopes: parseScopes(texts), service });
  return { ...both, alice, issue };
}

test('a token for another registry is for that one, and says nothing of the account’s inside', async (t) => {
  const { identity, issue } = await open(t);
  const { token, scope } = await issue('registry.example.org', ['repository:team/x:pull,push,delete']);
  assert.equal(scope, 'repository:team/x:pull,push');
  const { claims } = decodeJwt(token);
  assert.equal(claims['aud'], 'registry.example.org');
  assert.equal(claims['iss'], identity.service);
  assert.deepEqual(Object.keys(claims).sort(), ['access', 'aud', 'exp', 'iat', 'iss', 'jti', 'nbf', 'sub']);
  await assert.rejects(identity.authenticate(`Bearer ${token}`), { detail: { reason: 'audience' } });
});

test('it carries the certificate of its key, which leads to the authority, also after a rotation', async (t) => {
  const { admin, config, issue } = await open(t);
  const { certificate, issuer } = await admin.tokenAuthority();
  const root = new X509Certificate(certificate);
  assert.equal(root.subject, `CN=tokens of ${issuer}`);
  for (const rotation of [false, true]) {
    if (rotation) await admin.rotateKey();
    const { header } = decodeJwt((await issue('registry.example.org', [])).token);
    const [text, ...more] = header['x5c'] as string[];
    assert.deepEqual(more, []);
    const leaf = new X509Certificate(Buffer.from(text!, 'base64'));
    assert.ok(leaf.checkIssued(root) && leaf.verify(root.publicKey));
    const [signing] = storedKeys(config);
    assert.equal(header['kid'], signing!.kid);
    assert.deepEqual(leaf.publicKey.export({ format: 'jwk' }), {
      kty: 'EC',
      crv: 'P-256',
      ...xy(signing!.jwk),
    });
  }
  assert.equal((await admin.tokenAuthority()).certificate, certificate);
});

const xy = ({ x, y }: { x: string; y: string }) => ({ x, y });

test('revoked keys take the authority with them, whose key was where they were', async (t) => {
  const { admin, issue } = await open(t);
  const before = new X509Certificate((await admin.tokenAuthority()).certificate);
  assert.equal((await admin.rotateKey()).newAuthority, false);
  assert.equal((await admin.rotateKey({ revoke: true })).newAuthority, true);
  const after = new X509Certificate((await admin.tokenAuthority()).certificate);
  const [text] = decodeJwt((await issue('other', [])).token).header['x5c'] as string[];
  const leaf = new X509Certificate(Buffer.from(text!, 'base64'));
  assert.deepEqual([leaf.verify(before.publicKey), leaf.verify(after.publicKey)], [false, true]);
});

test('a token for ourselves carries none', async (t) => {
  const { identity, issue } = await open(t);
  for (const service of ['', identity.service]) {
    const { header, claims } = decodeJwt((await issue(service, [])).token);
    assert.equal(header['x5c'], undefined);
    assert.equal(claims['aud'], identity.service);
  }
});

test('with a prefix, the grants are those of the repositories below it', async (t) => {
  const { issue } = await open(t);
  const { scope, token } = await issue('other', ['repository:app:pull,push', 'repository:team/x:pull,push']);
  assert.equal(scope, 'repository:app:pull');
  assert.deepEqual(decodeJwt(token).claims['access'], [
    { type: 'repository', name: 'app', actions: ['pull'] },
  ]);
});

test('another registry’s catalog, which shows everything, is for administrators', async (t) => {
  const { identity, issue } = await open(t);
  const catalog = ['registry:catalog:*'];
  assert.equal((await issue('other', catalog)).scope, undefined);
  const admin = await identity.authenticate(basic('admin', 'admin-password'));
  assert.equal((await issue('other', catalog, admin)).scope, 'registry:catalog:*');
});

test('an unknown service gets nothing, however it is spelled', async (t) => {
  const { identity, issue } = await open(t);
  for (const service of ['elsewhere', 'Other', 'other ', 'other=mirror/other', `${identity.service}x`]) {
    assert.throws(() => identity.checkService(service), { code: 'PARAMETER_INVALID' }, service);
    await assert.rejects(issue(service, []), { code: 'PARAMETER_INVALID' }, service);
  }
});

test('a refresh token is good for the service that it was issued for', async (t) => {
  const { identity, alice, admin } = await open(t);
  const login = async (service: string) =>
    (await identity.issueToken(alice, { scopes: [], service, device })).refresh_token!;
  const [own, other] = [await login(''), await login('other')];
  const refused = { reason: 'refresh-token' };
  assert.equal((await identity.redeem(own, identity.service)).name, 'alice');
  assert.equal((await identity.redeem(other, 'other')).name, 'alice');
  await assert.rejects(identity.redeem(own, 'other'), refused);
  await assert.rejects(identity.redeem(other, ''), refused);
  await assert.rejects(identity.redeem(other, 'registry.example.org'), refused);
  assert.deepEqual((await admin.listSessions()).map(({ service }) => service).sort(), ['other', undefined]);
});
