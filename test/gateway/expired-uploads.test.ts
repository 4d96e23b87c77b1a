import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { request } from '../support/http.ts';
import { fileScope } from '../support/scope.ts';
import { decodeJwt, es256, makeJwt, storedKeys } from './identity-fixture.ts';
import { basic, password, startCore, startGateway } from './support.ts';

const gateway = await startGateway(fileScope);
await startCore(fileScope, gateway.data);
const { admin } = gateway;
await admin.addUser('carol', password);
await admin.grant('carol', 'team/**', ['pull', 'push']);
await admin.grant('anonymous', 'open/**', ['pull', 'push']);

const bytes = Buffer.from('a layer that takes longer than its token lives');
const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

async function tokenOf(user: string | undefined, scope: string, form = ''): Promise<string> {
  const headers: Record<string, string> = user === undefined ? {} : { authorization: basic(user) };
  const answer = await request(gateway, { path: `/token?scope=${scope}${form}`, headers });
  assert.equal(answer.status, 200, answer.text);
  return answer.json.token;
}

/** The same token as it will be when its time is over. */
function expired(token: string, changes: Record<string, unknown> = {}): string {
  const { header, claims } = decodeJwt(token);
  const past = Math.floor(Date.now() / 1000) - 10;
  const times = { iat: past - 60, nbf: past - 60, exp: past };
  return makeJwt(header, { ...claims, ...times, ...changes }, es256(storedKeys(gateway.config)[0]!.key));
}

function send(token: string, method: string, path: string, body?: Buffer) {
  return request(gateway, { method, path, headers: { authorization: `Bearer ${token}` }, body });
}

async function startUpload(token: string, repository = 'team/x'): Promise<string> {
  const started = await send(token, 'POST', `/v2/${repository}/blobs/uploads/`);
  assert.equal(started.status, 202, started.text);
  return started.headers.location!;
}

async function refusedAs(reason: string, sent: ReturnType<typeof send>, what = ''): Promise<void> {
  const answer = await sent;
  assert.equal(answer.status, 401, `${what} ${answer.text}`);
  assert.match(answer.headers['www-authenticate']!, /^Bearer .*,error="invalid_token"$/, what);
  assert.equal(answer.json?.errors[0].detail.reason, reason, what);
}

const scope = 'repository:team/x:pull,push';

test('whoever started an upload finishes it, whatever became of the time of the token', async () => {
  const token = await tokenOf('alice', scope);
  const location = await startUpload(token);
  const late = expired(token);
  assert.equal((await send(late, 'GET', location)).status, 204);
  const patched = await send(late, 'PATCH', location, bytes.subarray(0, 10));
  assert.equal(patched.status, 202, patched.text);
  assert.equal((await send(late, 'HEAD', patched.headers.location!)).headers.range, '0-9');
  const put = `${patched.headers.location}?digest=${digest}`;
  assert.equal((await send(late, 'PUT', put, bytes.subarray(10))).status, 201);
});

test('or drops it', async () => {
  const token = await tokenOf('alice', scope);
  const location = await startUpload(token);
  assert.equal((await send(expired(token), 'DELETE', location)).status, 204);
});

test('the expired token is good for nothing else', async () => {
  const token = await tokenOf('alice', scope);
  const late = expired(token);
  const location = await startUpload(token);
  for (const [method, path] of [
    ['GET', '/v2/'],
    ['GET', '/v2/_catalog'],
    ['GET', '/v2/team/x/tags/list'],
    ['POST', '/v2/team/x/blobs/uploads/'],
    ['POST', `/v2/team/x/blobs/uploads/?digest=${digest}`],
    ['GET', `/v2/team/x/blobs/${digest}`],
    ['PUT', '/v2/team/x/manifests/v1'],
    ['DELETE', '/v2/team/x/manifests/v1'],
    ['PATCH', '/v2/team/x/blobs/uploads/00000000-0000-4000-8000-000000000000'],
    ['PATCH', location.replace('/team/x/', '/team/y/')],
    ['GET', '/token'],
  ] as const) {
    const answer = await send(late, method, path);
    assert.equal(answer.status, 401, `${method} ${path}`);
  }
  assert.equal((await send(token, 'GET', location)).status, 204);
});

test('an upload of somebody else is not gone on with, and not told from one that is not there', async () => {
  const location = await startUpload(await tokenOf('alice', scope));
  const carols = expired(await tokenOf('carol', scope));
  const nowhere = '/v2/team/x/blobs/uploads/00000000-0000-4000-8000-000000000000';
  const answers = await Promise.all([
    send(carols, 'PATCH', location, bytes),
    send(carols, 'PATCH', nowhere, bytes),
  ]);
  for (const { json } of answers) delete json.errors[0].detail.session;
  await refusedAs('expired', Promise.resolve(answers[0]!));
  assert.deepEqual(answers[0]!.json, answers[1]!.json);
  for (const method of ['GET', 'PUT', 'DELETE']) {
    await refusedAs(
      'expired',
      send(carols, method, `${location}${method === 'PUT' ? `?digest=${digest}` : ''}`),
    );
  }
});

test('nobody’s uploads are nobody’s own', async () => {
  const token = await tokenOf(undefined, 'repository:open/x:pull,push');
  const location = await startUpload(token, 'open/x');
  await refusedAs('expired', send(expired(token), 'PATCH', location, bytes));
});

test('only the time is forgiven', async () => {
  const token = await tokenOf('alice', scope);
  const location = await startUpload(token);
  const path = location;
  const soon = Math.floor(Date.now() / 1000) + 600;
  const pullOnly = expired(await tokenOf('alice', 'repository:team/x:pull'));
  const [head, claims] = expired(token).split('.');
  await refusedAs('audience', send(expired(token, { aud: 'elsewhere' }), 'PATCH', path, bytes));
  await refusedAs('issuer', send(expired(token, { iss: 'elsewhere' }), 'PATCH', path, bytes));
  await refusedAs('not-yet-valid', send(expired(token, { nbf: soon }), 'PATCH', path, bytes));
  await refusedAs('signature', send(`${head}.${claims}.${'A'.repeat(86)}`, 'PATCH', path, bytes));
  await refusedAs('revoked', send(expired(token, { sub: 'carol' }), 'PATCH', path, bytes));
  const narrow = await send(pullOnly, 'PATCH', path, bytes);
  assert.equal(narrow.status, 401);
  assert.equal(narrow.json.errors[0].message, 'the token was not issued for this');
});

test('what is revoked is not forgiven', async () => {
  await admin.addUser('dora', password);
  await admin.grant('dora', 'team/**', ['pull', 'push']);
  const token = await tokenOf('dora', scope, '&offline_token=true&client_id=test');
  const location = await startUpload(token);
  const late = expired(token);
  const patch = () => send(late, 'PATCH', location, bytes);
  assert.equal((await patch()).status, 202);
  await admin.revoke('dora', 'team/**', ['push']);
  assert.equal((await patch()).status, 403);
  await admin.grant('dora', 'team/**', ['push']);
  assert.equal((await send(late, 'GET', location)).status, 204);
  const [session] = await admin.listSessions('dora');
  await admin.revokeSession(session!.id);
  await refusedAs('revoked', patch());

  const other = await tokenOf('dora', scope);
  const second = await startUpload(other);
  assert.equal((await send(expired(other), 'PATCH', second, bytes)).status, 202);
  await admin.setEnabled('dora', false);
  await refusedAs('revoked', send(expired(other), 'PATCH', second, bytes));
  await admin.setEnabled('dora', true);
  await refusedAs('revoked', send(expired(other), 'PATCH', second, bytes));
});
