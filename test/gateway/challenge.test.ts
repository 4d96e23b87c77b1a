import assert from 'node:assert/strict';
import { test } from 'node:test';
import { as, request } from '../support/http.ts';
import { fileScope } from '../support/scope.ts';
import { basic, password, startFakeCore, startGateway } from './support.ts';

const gateway = await startGateway(fileScope);
await gateway.admin.grant('anonymous', 'public/**', ['pull']);
await startFakeCore(fileScope, gateway.data, (_request, response) => response.end('{}'));
const service = /service="([^"]+)"/.exec(await challenge('/v2/'))![1];
const realm = `Bearer realm="http://${gateway.host}/token",service="${service}"`;
const digest = `sha256:${'a'.repeat(64)}`;

async function challenge(path: string, options: Parameters<typeof request>[1] = {}): Promise<string> {
  const answer = await request(gateway, { path, ...options });
  assert.equal(answer.status, 401, answer.text);
  assert.equal(answer.json.errors[0].code, 'UNAUTHORIZED');
  return answer.headers['www-authenticate']!;
}

async function token(query: string, user?: string): Promise<Record<string, string>> {
  const answer = await request(as(gateway, user, password), { path: `/token?service=${service}&${query}` });
  assert.equal(answer.status, 200, answer.text);
  assert.equal(answer.headers['cache-control'], 'no-store');
  return { authorization: `Bearer ${answer.json.token}` };
}

test('without credentials every endpoint answers with one challenge that names its scope', async () => {
  assert.equal(await challenge('/v2/'), realm);
  for (const [method, path, scope] of [
    ['GET', '/v2/team/x/tags/list', 'repository:team/x:pull'],
    ['HEAD', `/v2/team/x/blobs/${digest}`, 'repository:team/x:pull'],
    ['PUT', '/v2/team/x/manifests/v1', 'repository:team/x:pull,push'],
    ['POST', '/v2/team/x/blobs/uploads/', 'repository:team/x:pull,push'],
    ['DELETE', '/v2/team/x/manifests/v1', 'repository:team/x:delete'],
    [
      'POST',
      `/v2/team/x/blobs/uploads/?mount=${digest}&from=team/y`,
      'repository:team/x:pull,push repository:team/y:pull',
    ],
  ] as const) {
    const answer = await request(gateway, { path, method });
    assert.equal(answer.headers['www-authenticate'], `${realm},scope="${scope}"`, `${method} ${path}`);
  }
});

test('the catalog is for users, and for anonymous where there is something to see', async (t) => {
  assert.equal((await request(gateway, { path: '/v2/_catalog' })).status, 200);
  const closed = await startGateway(t);
  const answer = await request(closed, { path: '/v2/_catalog' });
  assert.equal(answer.status, 401);
  assert.match(answer.headers['www-authenticate']!, /,scope="registry:catalog:\*"$/);
});

test('/v2/ stays closed to strangers although anonymous may pull something', async () => {
  await challenge('/v2/');
  const answer = await request(gateway, { path: '/v2/', headers: await token('') });
  assert.equal(answer.status, 200);
});

test('anonymous pulls what is granted, with and without a token, and nothing else', async () => {
  const path = '/v2/public/x/manifests/v1';
  assert.equal((await request(gateway, { path })).status, 200);
  const headers = await token('scope=repository:public/x:pull,push');
  assert.equal((await request(gateway, { path, headers })).status, 200);
  await challenge(path, { method: 'PUT', headers });
  await challenge('/v2/team/x/manifests/v1', { headers });
});

test('Basic credentials are accepted unasked; a user without the right is denied', async () => {
  const headers = { authorization: basic('bob') };
  assert.equal((await request(gateway, { path: '/v2/', headers })).status, 200);
  assert.equal((await request(gateway, { path: '/v2/team/x/tags/list', headers })).status, 200);
  const denied = await request(gateway, { path: '/v2/other/tags/list', headers });
  assert.deepEqual([denied.status, denied.json.errors[0].code], [403, 'DENIED']);
  assert.equal(denied.headers['www-authenticate'], undefined);
});

test('a token that is too narrow sends the client for a wider one', async () => {
  const headers = await token('scope=repository:team/x:pull', 'alice');
  assert.equal((await request(gateway, { path: '/v2/team/x/tags/list', headers })).status, 200);
  const wider = await challenge('/v2/team/x/manifests/v1', { method: 'PUT', headers });
  assert.equal(wider, `${realm},scope="repository:team/x:pull,push",error="insufficient_scope"`);
});

test('a bad token is named as such', async () => {
  const headers = { authorization: 'Bearer a.b.c' };
  assert.equal(await challenge('/v2/', { headers }), `${realm},error="invalid_token"`);
});

test('the token endpoint takes Basic or nothing, and answers a wrong password with 401', async () => {
  assert.equal(await challenge('/token', { user: 'alice', password: 'wrong' }), 'Basic realm="Gatehouse"');
  await challenge('/token', { headers: await token('', 'alice') });
  const answer = await request(gateway, {
    path: `/token?service=${service}&account=bob&client_id=x&offline_token=true&scope=repository:team/x:pull,push`,
    headers: { authorization: basic('bob') },
  });
  assert.equal(answer.json.scope, 'repository:team/x:pull');
  assert.equal(answer.json.token, answer.json.access_token);
  assert.ok(answer.json.expires_in > 0);
});

test('the realm has the host and port that the client used', async () => {
  for (const [host, expected] of [
    ['127.0.0.1:1234', 'http://127.0.0.1:1234/token'],
    ['LocalHost', 'http://localhost/token'],
    ['[::1]:5000', 'http://[::1]:5000/token'],
  ] as const) {
    const header = await challenge('/v2/', { headers: { host } });
    assert.ok(header.startsWith(`Bearer realm="${expected}"`), header);
  }
});

test('the realm is https behind a listed proxy that says so, and nobody else is believed', async (t) => {
  const headers = { 'x-forwarded-proto': 'https', 'x-forwarded-host': 'evil.example' };
  assert.equal(await challenge('/v2/', { headers }), realm);
  const behind = await startGateway(t, { 'proxy.trusted': '127.0.0.0/8' });
  const answer = await request(behind, { path: '/v2/', headers });
  assert.ok(answer.headers['www-authenticate']!.startsWith(`Bearer realm="https://${behind.host}/token"`));
});

test('auth.challenge: basic', async (t) => {
  const other = await startGateway(t, { 'auth.challenge': 'basic' });
  const answer = await request(other, { path: '/v2/' });
  assert.deepEqual([answer.status, answer.headers['www-authenticate']], [401, 'Basic realm="Gatehouse"']);
});
