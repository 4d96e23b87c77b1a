import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import { type Answer, as, request, type Target } from '../support/http.ts';
import { OCI_INDEX, OCI_MANIFEST } from '../support/push.ts';
import type { Scope } from '../support/scope.ts';
import { basic, password, startFakeCore, startGateway, type TestGateway, until } from './support.ts';

type Settings = Parameters<typeof startGateway>[1];

const digest = `sha256:${'a'.repeat(64)}`;
const manifest = (reference: string, repository = 'team/app') => `/v2/${repository}/manifests/${reference}`;

/** In front of a core whose tag `multi` is an index, whose `gone` is 404, and which has any other manifest. */
async function startRegistry(t: Scope, settings: Settings = {}): Promise<TestGateway> {
  const gateway = await startGateway(t, { 'limits.account_pulls': '2/6h', ...settings });
  await startFakeCore(t, gateway.data, (incoming, response) => {
    const reference = incoming.url!.split('/').at(-1);
    response.statusCode = reference === 'gone' ? 404 : incoming.headers['if-none-match'] ? 304 : 200;
    response.setHeader('Content-Type', reference === 'multi' ? OCI_INDEX : OCI_MANIFEST);
    response.end(incoming.method === 'HEAD' || response.statusCode === 304 ? undefined : '{}');
  });
  return gateway;
}

const get = (target: Target, path: string, method = 'GET', headers = {}) =>
  request(target, { path, method, headers });

function assertRefused(answer: Answer, message: RegExp): void {
  assert.deepEqual([answer.status, answer.json.errors[0].code], [429, 'TOOMANYREQUESTS'], answer.text);
  assert.match(answer.json.errors[0].message, message);
  const retryAfter = Number(answer.headers['retry-after']);
  assert.ok(retryAfter >= 1 && retryAfter <= 60, `${retryAfter}`);
}

test('manifest GETs are pulls; HEAD, blobs and pushes are free; clients are told as Docker Hub tells them', async (t) => {
  const gateway = await startRegistry(t);
  const alice = as(gateway, 'alice', password);
  const first = await get(alice, manifest('v1'));
  assert.equal(first.status, 200);
  assert.equal(first.headers['ratelimit-limit'], '2;w=21600');
  assert.equal(first.headers['ratelimit-remaining'], '1;w=21600');
  assert.equal(first.headers['docker-ratelimit-source'], 'alice');
  assert.equal(first.headers['ratelimit-policy'], '"pulls";q=2;w=21600');
  assert.match(String(first.headers['ratelimit']), /^"pulls";r=1;t=(21600|21599)$/);
  for (let index = 0; index < 3; index++) {
    const head = await get(alice, manifest('v1'), 'HEAD');
    assert.equal(head.status, 200);
    assert.equal(head.headers['ratelimit-remaining'], '1;w=21600');
  }
  assert.equal((await get(alice, manifest(digest))).headers['ratelimit-remaining'], '0;w=21600');
  const refused = await get(alice, manifest('v1'));
  assertRefused(
    refused,
    /^too many pulls of this account: 2 in 6h are allowed; try again in 2[0-9]{4} seconds$/,
  );
  assert.equal(refused.headers['ratelimit-remaining'], '0;w=21600');
  assert.equal(refused.headers['docker-ratelimit-source'], 'alice');
  assert.equal((await get(alice, `/v2/team/app/blobs/${digest}`)).status, 200);
  assert.equal((await get(alice, '/v2/team/app/tags/list')).status, 200);
  assert.equal((await request(alice, { method: 'PUT', path: manifest('v2'), body: '{}' })).status, 200);
  assert.equal((await get(alice, manifest('v1'), 'HEAD')).status, 200);
  assert.equal((await get(as(gateway, 'bob', password), manifest('v1'))).status, 200);
  const warnings = gateway.log.filter(({ message }) => message === 'a limit is reached');
  assert.deepEqual(
    warnings.map(({ fields }) => [fields['budget'], fields['account']]),
    [['pulls', 'alice']],
  );
});

test('an image of several platforms is one pull: with each index comes one of its manifests', async (t) => {
  const gateway = await startRegistry(t);
  const alice = as(gateway, 'alice', password);
  const left = async (path: string) => {
    const { status, headers } = await get(alice, path);
    assert.equal(status, 200);
    return headers['ratelimit-remaining'];
  };
  assert.equal(await left(manifest('multi')), '1;w=21600');
  assert.equal(await left(manifest(digest)), '1;w=21600');
  // The last of the budget: what was admitted is not cut half-way.
  assert.equal(await left(manifest('multi')), '0;w=21600');
  assert.equal((await get(alice, manifest(digest, 'team/other'))).status, 429);
  assert.equal((await get(alice, manifest('v1'))).status, 429);
  assert.equal(await left(manifest(digest)), '0;w=21600');
  assert.equal((await get(alice, manifest(digest))).status, 429);
});

test('what was not there, or had not changed, is no pull', async (t) => {
  const gateway = await startRegistry(t);
  const alice = as(gateway, 'alice', password);
  for (let index = 0; index < 4; index++) {
    assert.equal((await get(alice, manifest('gone'))).status, 404);
    assert.equal((await get(alice, manifest('v1'), 'GET', { 'if-none-match': '"x"' })).status, 304);
    // Nor is what this account may not read.
    assert.equal((await get(alice, manifest('v1', 'other/app'))).status, 403);
  }
  assert.equal((await get(alice, manifest('v1'))).headers['ratelimit-remaining'], '1;w=21600');
});

test('without an account the address counts, and other addresses are free', async (t) => {
  const gateway = await startRegistry(t, {
    'limits.account_pulls': 'off',
    'limits.address_pulls': '1/1h',
    'proxy.trusted': '127.0.0.0/8,::1',
  });
  await gateway.admin.grant('anonymous', 'public/**', ['pull']);
  const from = (address: string) =>
    get(gateway, manifest('v1', 'public/app'), 'GET', { 'x-forwarded-for': address });
  const first = await from('2001:db8::1');
  assert.equal(first.status, 200, first.text);
  assert.equal(first.headers['docker-ratelimit-source'], '2001:db8:0:0::/64');
  assertRefused(await from('2001:db8::2'), /^too many pulls from this address: 1 in 1h are allowed/);
  assert.equal((await from('192.0.2.1')).status, 200);
  const alice = await get(as(gateway, 'alice', password), manifest('v1'), 'GET', {
    'x-forwarded-for': '192.0.2.1',
  });
  assert.deepEqual([alice.status, alice.headers['ratelimit-limit']], [200, undefined]);
});

test('rules for some: the first that covers a request and has the budget counts, one with repositories apart', async (t) => {
  const gateway = await startRegistry(t, {
    'limits.account_pulls': '1/1h',
    'limits.overrides': `
      - { accounts: [alice], repositories: ["team/mirror/**"], pulls: 2/1h }
      - { accounts: [b*], pulls: off, requests: 3/1h }
      - { addresses: [192.0.2.0/24], pulls: 9/1h }`,
    'proxy.trusted': '127.0.0.0/8,::1',
  });
  const limitOf = async (user: string, path: string, address = '198.51.100.1') => {
    const answer = await get(as(gateway, user, password), path, 'HEAD', { 'x-forwarded-for': address });
    return answer.headers['ratelimit-remaining'];
  };
  assert.equal(await limitOf('alice', manifest('v1')), '1;w=3600');
  assert.equal(await limitOf('alice', manifest('v1', 'team/mirror/x')), '2;w=3600');
  assert.equal(await limitOf('alice', manifest('v1'), '192.0.2.7'), '9;w=3600');
  assert.equal(await limitOf('bob', manifest('v1')), undefined);
  const alice = as(gateway, 'alice', password);
  assert.equal((await get(alice, manifest('v1', 'team/mirror/x'))).status, 200);
  assert.equal(await limitOf('alice', manifest('v1')), '1;w=3600');
  const bob = as(gateway, 'bob', password);
  assert.equal((await get(bob, manifest('v1'))).status, 200);
  assert.equal((await get(bob, manifest('v1'))).status, 200);
  const refused = await get(bob, manifest('v1'));
  assertRefused(refused, /^too many requests of this account: 3 in 1h are allowed/);
  assert.equal(refused.headers['ratelimit-policy'], '"requests";q=3;w=3600');
});

test('log-only: nobody is refused or told, the log has one line and the metrics all', async (t) => {
  const gateway = await startRegistry(t, { 'limits.mode': 'log-only', 'limits.account_pulls': '1/6h' });
  const alice = as(gateway, 'alice', password);
  for (let index = 0; index < 4; index++) {
    const answer = await get(alice, manifest('v1'));
    assert.deepEqual([answer.status, answer.headers['ratelimit-limit']], [200, undefined]);
  }
  const lines = gateway.log.filter(({ message }) => message.includes('log-only'));
  assert.equal(lines.length, 1);
});

test('off: nothing is counted', async (t) => {
  const gateway = await startRegistry(t, { 'limits.mode': 'off', 'limits.account_requests': '1/1h' });
  const alice = as(gateway, 'alice', password);
  for (let index = 0; index < 4; index++) assert.equal((await get(alice, manifest('v1'))).status, 200);
});

test('tokens have a budget of their own', async (t) => {
  const gateway = await startRegistry(t, {
    'limits.account_tokens': '2/1m',
    'limits.address_tokens': '1/1m',
  });
  const alice = as(gateway, 'alice', password);
  assert.equal((await get(alice, '/token')).status, 200);
  assert.equal((await get(alice, '/token')).status, 200);
  assertRefused(await get(alice, '/token'), /^too many tokens of this account: 2 in 1m are allowed/);
  assert.equal((await get(alice, manifest('v1'))).status, 200);
  assert.equal((await get(gateway, '/token')).status, 200);
  assertRefused(await get(gateway, '/token'), /^too many tokens from this address/);
});

test('uploads at once: one more is refused, one that ended makes room', async (t) => {
  const gateway = await startGateway(t, { 'limits.account_uploads': '1' });
  await startFakeCore(t, gateway.data, (incoming, response) => {
    incoming.resume().on('end', () => response.writeHead(202).end());
  });
  const path = '/v2/team/app/blobs/uploads/00000000-0000-4000-8000-000000000000';
  const alice = as(gateway, 'alice', password);
  const held = connect(gateway.port, '127.0.0.1');
  const head = `PATCH ${path} HTTP/1.1\r\nHost: ${gateway.host}\r\nAuthorization: ${basic('alice')}\r\n`;
  held.write(`${head}Content-Length: 10\r\n\r\nhalf`);
  const push = () => request(alice, { method: 'PATCH', path, body: 'bytes' });
  await until(async () => (await push()).status === 429, 'the first one is counted');
  const refused = await push();
  assertRefused(refused, /^too many uploads at once of this account: 1 are allowed; try again in 5 seconds$/);
  // Without a body nothing is sent, so there is nothing to count.
  assert.equal((await request(alice, { method: 'POST', path: '/v2/team/app/blobs/uploads/' })).status, 202);
  held.destroy();
  await until(async () => (await push()).status === 202, 'there is room again');
});

test('connections of an address: one more is closed, one that ended makes room; a proxy has no limit', async (t) => {
  const gateway = await startGateway(t, { 'limits.address_connections': '2' });
  const open = async () => {
    const socket = connect(gateway.port, '127.0.0.1').on('error', () => {});
    socket.write(`GET /healthz HTTP/1.1\r\nHost: ${gateway.host}\r\n\r\n`);
    const [event] = await Promise.race([once(socket, 'data'), once(socket, 'close').then(() => [])]);
    return event ? socket : undefined;
  };
  const [first, second] = [await open(), await open()];
  assert.ok(first && second);
  assert.equal(await open(), undefined);
  first.destroy();
  await until(async () => (await open()) !== undefined, 'there is room again');
  const trusting = await startGateway(t, { 'limits.address_connections': '1', 'proxy.trusted': '127.0.0.1' });
  const sockets = Array.from({ length: 5 }, () => connect(trusting.port, '127.0.0.1'));
  await Promise.all(sockets.map((socket) => once(socket, 'connect')));
  assert.equal((await request(trusting, { path: '/healthz' })).status, 200);
  for (const socket of [second, ...sockets]) socket.destroy();
});
