import assert from 'node:assert/strict';
import { hostname } from 'node:os';
import { test } from 'node:test';
import { parseHost } from '../../gateway/hostname.ts';
import { request } from '../support/http.ts';
import { startGateway } from './support.ts';

test('a Host is a name and perhaps a port', () => {
  for (const [text, authority] of [
    ['localhost', 'localhost'],
    ['LOCALHOST.:443', 'localhost:443'],
    ['127.0.0.1:8443', '127.0.0.1:8443'],
    ['[::1]', '[::1]'],
    ['[0:0:0:0:0:0:0:1]:8443', '[::1]:8443'],
    ['under_score.example', 'under_score.example'],
  ] as const) {
    assert.equal(parseHost(text).authority, authority);
  }
  for (const text of [
    '',
    'a b',
    'user@host',
    'host/path',
    'host:',
    'host:99999',
    'host:1:2',
    'host:80x',
    '::1',
    '[::1',
    '[::1]x',
    '[nonsense]',
    'a..b',
    '-a',
    'host?x',
    'höst',
    '1.2.3',
    'a"b',
  ]) {
    assert.throws(() => parseHost(text), { code: 'URL_INVALID' }, text);
  }
});

test('served are the names of the machine and the configured ones; others are misdirected', async (t) => {
  const gateway = await startGateway(t, { hostname: 'Registry.Example,10.99.0.1' });
  const status = async (host: string) => (await request(gateway, { path: '/v2/', headers: { host } })).status;
  for (const host of [
    'localhost',
    '127.0.0.1',
    '[::1]:5000',
    'registry.example',
    'REGISTRY.example:1',
    '10.99.0.1',
  ]) {
    assert.equal(await status(host), 401, host);
  }
  if (/^[a-z][a-z0-9-]*$/.test(hostname())) assert.equal(await status(hostname()), 401);
  for (const host of ['sub.registry.example', 'example', '10.99.0.2', '[::2]']) {
    assert.equal(await status(host), 421, host);
  }
  const answer = await request(gateway, { path: '/v2/', headers: { host: 'example' } });
  assert.match(answer.json.errors[0].message, /GATEHOUSE_HOSTNAME/);
});
