import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { test } from 'node:test';
import { clientOriginReader } from '../../gateway/client-address.ts';
import { addressKey } from '../../gateway/limits/address-key.ts';
import { request } from '../support/http.ts';
import { startGateway } from './support.ts';

const trusted = ['10.0.0.0/8', '192.168.1.1', 'fd00::/8'];

function origin(remoteAddress: string, headers: Record<string, string>, encrypted = false) {
  return clientOriginReader(trusted)(
    { socket: { remoteAddress }, headers } as unknown as IncomingMessage,
    encrypted,
  );
}

test('only a listed proxy is asked who the client is', () => {
  const forwarded = { 'x-forwarded-for': '1.2.3.4' };
  assert.equal(origin('8.8.8.8', forwarded).address, '8.8.8.8');
  assert.equal(origin('10.1.2.3', forwarded).address, '1.2.3.4');
  assert.equal(origin('::ffff:10.1.2.3', forwarded).address, '1.2.3.4');
  assert.equal(origin('::ffff:8.8.8.8', forwarded).address, '8.8.8.8');
  assert.equal(origin('192.168.1.2', forwarded).address, '192.168.1.2');
  assert.equal(origin('fd00::1', forwarded).address, '1.2.3.4');
});

test('the client is the rightmost hop that is not listed', () => {
  for (const [forwardedFor, expected] of [
    ['6.6.6.6, 1.2.3.4', '1.2.3.4'],
    ['6.6.6.6, 1.2.3.4, 10.0.0.9', '1.2.3.4'],
    ['6.6.6.6, 1.2.3.4,10.0.0.9 ,192.168.1.1', '1.2.3.4'],
    ['10.0.0.7, 10.0.0.9', '10.0.0.7'],
    ['6.6.6.6, garbage, 10.0.0.9', '10.0.0.9'],
    ['garbage', '10.0.0.1'],
    ['1.2.3.4:5678', '1.2.3.4'],
    ['[2001:db8::1]:5678', '2001:db8::1'],
    ['2001:db8::1', '2001:db8::1'],
    ['', '10.0.0.1'],
  ] as const) {
    assert.equal(origin('10.0.0.1', { 'x-forwarded-for': forwardedFor }).address, expected, forwardedFor);
  }
});

test('X-Forwarded-Proto counts from a listed proxy only', () => {
  const https = { 'x-forwarded-proto': 'https' };
  assert.equal(origin('8.8.8.8', https).secure, false);
  assert.equal(origin('10.0.0.1', https).secure, true);
  assert.equal(origin('10.0.0.1', {}, true).secure, true);
  assert.equal(origin('10.0.0.1', { 'x-forwarded-proto': 'http' }, true).secure, false);
});

test('without listed proxies nobody is believed; the request id neither', async (t) => {
  const headers = { 'x-forwarded-for': '6.6.6.6', 'x-request-id': 'mine' };
  const open = await startGateway(t);
  const answer = await request(open, { path: '/v2/', headers });
  assert.notEqual(answer.headers['x-request-id'], 'mine');
  assert.equal(lastAddress(open.log), '127.0.0.1');
  const behind = await startGateway(t, { 'proxy.trusted': '127.0.0.1' });
  const believed = await request(behind, { path: '/v2/', headers });
  assert.equal(believed.headers['x-request-id'], 'mine');
  assert.equal(lastAddress(behind.log), '6.6.6.6');
  const bad = await request(behind, { path: '/v2/', headers: { 'x-request-id': 'no spaces, please' } });
  assert.match(bad.headers['x-request-id'] as string, /^[0-9a-f-]{36}$/);
});

test('limits see an IPv6 network of 64 bits as one client', () => {
  assert.equal(addressKey('192.0.2.1'), '192.0.2.1');
  assert.equal(addressKey('2001:db8:1:2:3:4:5:6'), '2001:db8:1:2::/64');
  assert.equal(addressKey('2001:0DB8:1:2::6'), '2001:db8:1:2::/64');
  assert.equal(addressKey('2001:db8::6'), '2001:db8:0:0::/64');
  assert.equal(addressKey('::1'), '0:0:0:0::/64');
});

function lastAddress(log: { message: string; fields: Record<string, unknown> }[]): unknown {
  return log.findLast(({ message }) => message === 'request')?.fields['address'];
}
