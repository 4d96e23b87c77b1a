import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Answer, as, request } from '../support/http.ts';
import { password, startFakeCore, startGateway, type TestGateway } from './support.ts';

function assertTooMany(answer: Answer): void {
  assert.deepEqual([answer.status, answer.json.errors[0].code], [429, 'TOOMANYREQUESTS']);
  const retryAfter = Number(answer.headers['retry-after']);
  assert.ok(retryAfter >= 1 && retryAfter <= 60, `${retryAfter}`);
  assert.match(answer.json.errors[0].message, /try again in [0-9]+ seconds/);
}

function login(gateway: TestGateway, user: string, secret: string, from = '127.0.0.1', path = '/v2/') {
  return request(as(gateway, user, secret), { path, headers: { 'x-forwarded-for': from } });
}

const behindProxy = { 'proxy.trusted': '127.0.0.0/8,::1' };

test('requests of one address, before anything is looked at; the health page is free', async (t) => {
  const gateway = await startGateway(t, { ...behindProxy, 'limits.address_requests': '3/2h' });
  const ask = (from: string, path = '/nowhere') =>
    request(gateway, { path, headers: { 'x-forwarded-for': from } });
  for (let index = 0; index < 3; index++) assert.equal((await ask('192.0.2.1')).status, 404);
  const refused = await ask('192.0.2.1');
  assertTooMany(refused);
  assert.equal(refused.headers['retry-after'], '60');
  assert.equal((await ask('192.0.2.1', '/healthz')).status, 200);
  assert.equal((await ask('192.0.2.2')).status, 404);
});

test('addresses of one IPv6 network count together', async (t) => {
  const gateway = await startGateway(t, { ...behindProxy, 'limits.address_requests': '1/1m' });
  const ask = (from: string) => request(gateway, { path: '/nowhere', headers: { 'x-forwarded-for': from } });
  assert.equal((await ask('2001:db8:0:1::1')).status, 404);
  assertTooMany(await ask('2001:db8:0:1:ffff::2'));
  assert.equal((await ask('2001:db8:0:2::1')).status, 404);
});

test('requests of one account, wherever they come from', async (t) => {
  const gateway = await startGateway(t, { ...behindProxy, 'limits.account_requests': '2/1m' });
  await startFakeCore(t, gateway.data, (_request, response) => response.end('{}'));
  assert.equal((await login(gateway, 'alice', password, '192.0.2.1')).status, 200);
  assert.equal((await login(gateway, 'alice', password, '192.0.2.2')).status, 200);
  assertTooMany(await login(gateway, 'alice', password, '192.0.2.3'));
  assert.equal((await login(gateway, 'bob', password, '192.0.2.3')).status, 200);
  assert.equal((await request(gateway, { path: '/v2/' })).status, 401);
});

test('failed logins of an account from an address, on every path; the right password is no way out', async (t) => {
  const gateway = await startGateway(t, { ...behindProxy, 'limits.failed_logins': '2/1m' });
  await startFakeCore(t, gateway.data, (_request, response) => response.end('{}'));
  assert.equal((await login(gateway, 'alice', 'wrong', '192.0.2.1')).status, 401);
  assert.equal((await login(gateway, 'ALICE', 'wrong', '192.0.2.1', '/token')).status, 401);
  assertTooMany(await login(gateway, 'alice', 'wrong', '192.0.2.1'));
  assertTooMany(await login(gateway, 'alice', password, '192.0.2.1', '/token'));
  assert.equal((await login(gateway, 'bob', password, '192.0.2.1')).status, 200);
  assert.equal((await login(gateway, 'alice', password, '192.0.2.2')).status, 200);
});

test('failed logins from an address, whatever the account', async (t) => {
  const gateway = await startGateway(t, { ...behindProxy, 'limits.address_failed_logins': '3/1m' });
  for (const user of ['a1', 'a2', 'a3']) assert.equal((await login(gateway, user, 'x')).status, 401);
  assertTooMany(await login(gateway, 'bob', password));
  assert.equal((await login(gateway, 'a4', 'x', '192.0.2.9')).status, 401);
});

test('guesses sent at once tell no more than the limit allows', async (t) => {
  const gateway = await startGateway(t, { 'limits.failed_logins': '3/1m' });
  await startFakeCore(t, gateway.data, (_request, response) => response.end('{}'));
  const guesses = Array.from({ length: 30 }, (_, index) => login(gateway, 'alice', `guess ${index}`));
  const answers = await Promise.all(guesses);
  const statuses = answers.map(({ status }) => status);
  assert.equal(statuses.filter((status) => status === 401).length, 3, `${statuses}`);
  assert.ok(statuses.every((status) => [401, 429, 503].includes(status)));
});

test('good logins are not counted, nor are bad tokens', async (t) => {
  const gateway = await startGateway(t, {
    'limits.failed_logins': '1/1m',
    'limits.address_failed_logins': '1/1m',
  });
  await startFakeCore(t, gateway.data, (_request, response) => response.end('{}'));
  for (let index = 0; index < 5; index++) {
    assert.equal((await login(gateway, 'alice', password)).status, 200);
    const headers = { authorization: 'Bearer a.b.c' };
    assert.equal((await request(gateway, { path: '/v2/', headers })).status, 401);
  }
});
