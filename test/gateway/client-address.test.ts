import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { test } from 'node:test';
import { clientOriginReader } from '../../gateway/client-address.ts';
import { addressKey } from '../../gateway/limits/address-key.ts';
import { request } from '../support/http.ts';
import { startGateway } from './support.ts';

const trusted = ['10.0.0.0/8', '192.168.1.1', 'fd00::/8'];

function origin(
  remoteAddress: string,
  headers: Record<string, string>,
  encrypted = false,
  header: 'x-forwarded-for' | 'forwarded' | 'none' = 'x-forwarded-for',
) {
  const read = clientOriginReader({ 'proxy.trusted': trusted, 'proxy.header': header });
  const rawHeaders = Object.entries(headers).flat();
  return read({ socket: { remoteAddress }, headers, rawHeaders } as unknown as IncomingMessage, encrypted);
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

test('Forwarded: the same rule, whatever its form', () => {
  for (const [forwarded, expected] of [
    ['for=1.2.3.4', '1.2.3.4'],
    ['For="1.2.3.4:567";proto=https;by=10.0.0.1', '1.2.3.4'],
    ['for=6.6.6.6, for=1.2.3.4, for=10.0.0.9', '1.2.3.4'],
    ['for="[2001:db8:cafe::17]:4711"', '2001:db8:cafe::17'],
    ['for="[2001:db8:cafe::17]:_port"', '2001:db8:cafe::17'],
    ['for="[::ffff:1.2.3.4]"', '1.2.3.4'],
    ['for=6.6.6.6,for=10.0.0.7', '6.6.6.6'],
    ['proto=http;host=x , for = 6.6.6.6', '10.0.0.1'],
    ['for=unknown', '10.0.0.1'],
    ['for=6.6.6.6, for=_SEVKISEK, for=10.0.0.9', '10.0.0.9'],
    ['for=6.6.6.6, for="unclosed, for=1.2.3.4', '10.0.0.1'],
    ['for=6.6.6.6;for=1.2.3.4', '10.0.0.1'],
    ['for=2001:db8::1', '10.0.0.1'],
    ['for="2001:db8::1"', '10.0.0.1'],
    ['for="\\1.2.3.\\4"', '1.2.3.4'],
    [', ,;for=1.2.3.4;, ', '1.2.3.4'],
    ['', '10.0.0.1'],
  ] as const) {
    assert.equal(origin('10.0.0.1', { forwarded }, false, 'forwarded').address, expected, forwarded);
  }
  assert.equal(origin('8.8.8.8', { forwarded: 'for=1.2.3.4' }, false, 'forwarded').address, '8.8.8.8');
});

test('a client that breaks its own Forwarded line takes nothing from the line of the proxy', () => {
  const read = clientOriginReader({ 'proxy.trusted': trusted, 'proxy.header': 'forwarded' });
  const rawHeaders = ['Forwarded', 'for="6.6.6.6', 'forwarded', 'for=1.2.3.4;proto=https'];
  const request = { socket: { remoteAddress: '10.0.0.1' }, headers: {}, rawHeaders };
  const { address, secure } = read(request as unknown as IncomingMessage, false);
  assert.deepEqual([address, secure], ['1.2.3.4', true]);
});

test('of Forwarded, the element that names the client says how the client came', () => {
  const forwarded = 'for=6.6.6.6;proto=http, for=1.2.3.4;proto=HTTPS, for=10.0.0.9;proto=http';
  const found = origin('10.0.0.1', { forwarded }, false, 'forwarded');
  assert.deepEqual([found.address, found.secure], ['1.2.3.4', true]);
  assert.equal(origin('10.0.0.1', { forwarded: 'for=_hidden;proto=https' }, false, 'forwarded').secure, true);
});

test('the header that is not set is never read, though it came through a listed proxy', () => {
  const both = { 'x-forwarded-for': '1.1.1.1', 'x-forwarded-proto': 'https', forwarded: 'for=2.2.2.2' };
  const found = (header: 'x-forwarded-for' | 'forwarded' | 'none') => {
    const { address, secure } = origin('10.0.0.1', both, false, header);
    return [address, secure];
  };
  assert.deepEqual(found('x-forwarded-for'), ['1.1.1.1', true]);
  assert.deepEqual(found('forwarded'), ['2.2.2.2', false]);
  assert.deepEqual(found('none'), ['10.0.0.1', false]);
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
