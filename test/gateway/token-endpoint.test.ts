import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { type Answer, as, request } from '../support/http.ts';
import { fileScope } from '../support/scope.ts';
import { decodeJwt } from './identity-fixture.ts';
import { password, raw, startFakeCore, startGateway } from './support.ts';

const gateway = await startGateway(fileScope, { 'limits.failed_logins': '1000/1m' });
await gateway.admin.addUser('carol', password);
await startFakeCore(fileScope, gateway.data, (_request, response) => response.end('{}'));
const formType = 'application/x-www-form-urlencoded';

function post(
  form: Record<string, string> | string | Readable,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const isText = typeof form === 'string' || form instanceof Readable;
  const body = isText ? form : new URLSearchParams(form).toString();
  return request(gateway, {
    method: 'POST',
    path: '/token',
    headers: { 'content-type': formType, ...headers },
    body,
  });
}

const passwordForm = { grant_type: 'password', service: '', client_id: 'test', username: 'alice', password };

async function refreshToken(form = {}): Promise<string> {
  const answer = await post({ ...passwordForm, access_type: 'offline', ...form });
  assert.equal(answer.status, 200, answer.text);
  return answer.json.refresh_token;
}

function refresh(secret: string, form = {}): Promise<Answer> {
  return post({
    grant_type: 'refresh_token',
    service: '',
    client_id: 'test',
    refresh_token: secret,
    ...form,
  });
}

const withToken = ({ json }: Answer, path: string) =>
  request(gateway, { path, headers: { authorization: `Bearer ${json.access_token}` } });

test('a password gets a token by POST, with the fields of the specification', async () => {
  const scope = 'repository:team/x:pull,push repository:carol/x:pull';
  const answer = await post({ ...passwordForm, scope }, { 'content-type': `${formType}; charset=utf-8` });
  assert.equal(answer.status, 200, answer.text);
  assert.deepEqual(Object.keys(answer.json).sort(), [
    'access_token',
    'expires_in',
    'issued_at',
    'scope',
    'token',
  ]);
  assert.equal(answer.json.expires_in, 3600);
  assert.equal(answer.json.scope, 'repository:team/x:pull,push');
  assert.equal(answer.headers['cache-control'], 'no-store');
  assert.equal((await withToken(answer, '/v2/team/x/tags/list')).status, 200);
});

test('one scope parameter for each scope is taken too, as skopeo sends them', async () => {
  const body = `${new URLSearchParams(passwordForm)}&scope=repository:team/x:pull&scope=repository:alice/y:push`;
  assert.equal((await post(body)).json.scope, 'repository:team/x:pull repository:alice/y:push');
});

test('a refresh token comes only when it is asked for, by GET and by POST', async () => {
  const alice = as(gateway, 'alice', password);
  const got = async (path: string) => (await request(alice, { path })).json.refresh_token;
  assert.match(await got('/token?offline_token=true&client_id=docker'), /^gatehouse_refresh_/);
  assert.equal(await got('/token'), undefined);
  assert.equal(await got('/token?offline_token=false'), undefined);
  assert.match(await refreshToken(), /^gatehouse_refresh_/);
  assert.equal((await post({ ...passwordForm, access_type: 'online' })).json.refresh_token, undefined);
  const anonymous = await request(gateway, { path: '/token?offline_token=true' });
  assert.equal(anonymous.json.refresh_token, undefined);
});

test('a refresh token gets tokens again and again and is not replaced', async () => {
  const secret = await refreshToken();
  for (let use = 0; use < 3; use++) {
    const answer = await refresh(secret, { scope: 'repository:team/x:pull' });
    assert.equal(answer.status, 200, answer.text);
    assert.equal(answer.json.refresh_token, undefined);
    assert.equal((await withToken(answer, '/v2/team/x/tags/list')).status, 200);
    const { claims } = decodeJwt(answer.json.token);
    assert.equal(claims['sub'], 'alice');
  }
});

test('a refresh token gives what is granted now, not what was when it was issued', async () => {
  await gateway.admin.grant('alice', 'later/**', ['pull']);
  const secret = await refreshToken();
  const scope = 'repository:later/x:pull,push';
  assert.equal((await refresh(secret, { scope })).json.scope, 'repository:later/x:pull');
  await gateway.admin.revoke('alice', 'later/**');
  assert.equal((await refresh(secret, { scope })).json.scope, undefined);
});

test('what is no refresh token of this service is refused, and says so in both forms', async () => {
  const secret = await refreshToken();
  const { access_token: accessToken } = (await refresh(secret)).json;
  for (const wrong of [
    'x',
    secret.slice(0, -1),
    secret.replace('_refresh_', '_pat_'),
    accessToken,
    password,
  ]) {
    const answer = await refresh(wrong);
    assert.equal(answer.status, 401, wrong);
    assert.equal(answer.headers['www-authenticate'], 'Basic realm="Gatehouse"');
    assert.equal(answer.json.errors[0].code, 'UNAUTHORIZED');
    assert.equal(answer.json.error, 'invalid_grant');
    assert.match(answer.json.error_description, /log in again/);
  }
});

test('a refresh token is nothing but that: neither a password nor a Bearer token', async () => {
  const secret = await refreshToken();
  assert.equal((await request(as(gateway, 'alice', secret), { path: '/v2/' })).status, 401);
  assert.equal((await request(as(gateway, '', secret), { path: '/v2/' })).status, 401);
  assert.equal((await post({ ...passwordForm, password: secret })).status, 401);
  const headers = { authorization: `Bearer ${secret}` };
  assert.equal((await request(gateway, { path: '/v2/', headers })).status, 401);
});

test('an access token is none with which to get others', async () => {
  const { json } = await post(passwordForm);
  const headers = { authorization: `Bearer ${json.token}` };
  assert.equal((await request(gateway, { path: '/token?offline_token=true', headers })).status, 401);
});

test('a wrong password is 401 with a challenge, and counted', async () => {
  const answer = await post({ ...passwordForm, password: 'wrong' });
  assert.equal(answer.status, 401);
  assert.equal(answer.json.error, 'invalid_grant');
  assert.equal(answer.headers['www-authenticate'], 'Basic realm="Gatehouse"');
  const failure = gateway.log.findLast(({ message }) => message === 'login failed');
  assert.deepEqual([failure?.fields['account'], failure?.fields['reason']], ['alice', 'password']);
});

test('guesses by POST and by header share one count', async (t) => {
  const limited = await startGateway(t, { 'limits.failed_logins': '3/1m' });
  const wrong = new URLSearchParams({ ...passwordForm, password: 'wrong' }).toString();
  const guess = () =>
    request(limited, {
      method: 'POST',
      path: '/token',
      headers: { 'content-type': formType },
      body: wrong,
    });
  assert.equal((await guess()).status, 401);
  assert.equal((await guess()).status, 401);
  assert.equal((await request(as(limited, 'alice', 'wrong'), { path: '/token' })).status, 401);
  const refused = await guess();
  assert.equal(refused.status, 429);
  assert.ok(Number(refused.headers['retry-after']) > 0);
  assert.equal(refused.json.errors[0].code, 'TOOMANYREQUESTS');
});

test('malformed requests are refused with what is wrong', async () => {
  const form = new URLSearchParams(passwordForm).toString();
  const long = 'x'.repeat(20_000);
  const table: [what: string, answer: Promise<Answer>, status: number, error: string][] = [
    ['no grant type', post({ username: 'alice', password }), 400, 'invalid_request'],
    ['other grant type', post({ grant_type: 'client_credentials' }), 400, 'unsupported_grant_type'],
    ['no user name', post({ grant_type: 'password', password }), 400, 'invalid_request'],
    ['no password', post({ grant_type: 'password', username: 'alice' }), 400, 'invalid_request'],
    ['no refresh token', post({ grant_type: 'refresh_token' }), 400, 'invalid_request'],
    ['grant type twice', post(`${form}&grant_type=password`), 400, 'invalid_request'],
    ['user name twice', post(`${form}&username=bob`), 400, 'invalid_request'],
    ['password twice, once encoded', post(`${form}&pass%77ord=x`), 400, 'invalid_request'],
    ['service twice', post(`${form}&service=`), 400, 'invalid_request'],
    ['access type twice', post(`${form}&access_type=&access_type=offline`), 400, 'invalid_request'],
    ['colon in the name', post({ ...passwordForm, username: 'alice:x' }), 401, 'invalid_grant'],
    [
      'control character in the client',
      post({ ...passwordForm, client_id: 'a\u001b[31m' }),
      400,
      'invalid_request',
    ],
    ['malformed scope', post({ ...passwordForm, scope: 'repository:../x:pull' }), 400, 'invalid_scope'],
    ['other service', post({ ...passwordForm, service: 'elsewhere' }), 400, 'invalid_request'],
    ['not UTF-8', post(`${form}&x=%ff`), 400, 'invalid_request'],
    ['too long', post({ ...passwordForm, password: long }), 413, 'invalid_request'],
    ['too long, in chunks', post(Readable.from([form, long])), 413, 'invalid_request'],
    ['JSON', post('{}', { 'content-type': 'application/json' }), 415, 'invalid_request'],
    [
      'other character set',
      post(form, { 'content-type': `${formType}; charset=latin1` }),
      415,
      'invalid_request',
    ],
    ['compressed', post(form, { 'content-encoding': 'gzip' }), 415, 'invalid_request'],
    ['two ways to log in', post(form, { authorization: 'Basic YTpi' }), 400, 'invalid_request'],
  ];
  for (const [what, sent, status, error] of table) {
    const answer = await sent;
    assert.equal(answer.status, status, `${what}: ${answer.text}`);
    assert.equal(answer.json.error, error, what);
    assert.equal(answer.json.errors.length, 1);
    assert.match(answer.json.error_description, /^[ !#-[\]-~]+$/);
    assert.ok(!answer.text.includes(password) && !answer.text.includes(long), what);
  }
  const query = await request(gateway, { method: 'POST', path: `/token?${form}` });
  assert.equal(query.status, 400);
});

test('a parameter of a GET that comes twice is refused', async () => {
  for (const name of ['service', 'account', 'client_id', 'offline_token']) {
    const answer = await request(gateway, { path: `/token?${name}=&${name}=` });
    assert.equal(answer.status, 400, name);
    assert.equal(answer.json.error, undefined);
  }
});

test('a client that waits for permission to send its form gets it', async () => {
  const body = new URLSearchParams(passwordForm).toString();
  const text = await raw(
    gateway.port,
    `POST /token HTTP/1.1\r\nHost: ${gateway.host}\r\nContent-Type: ${formType}\r\nExpect: 100-continue\r\n` +
      `Content-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
  );
  assert.match(text, /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK\r\n/);
});

test('secrets of the token endpoint are in no log line', async () => {
  const secret = await refreshToken();
  await refresh(secret);
  await refresh(`${secret}x`);
  const lines = JSON.stringify(gateway.log);
  assert.ok(!lines.includes(password) && !lines.includes('gatehouse_refresh_'));
});
