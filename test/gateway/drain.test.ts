import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { test } from 'node:test';
import { newestEntries, openAuditReader } from '../../gateway/audit/index.ts';
import { basic, readToEnd, startFakeCore, startGateway, until } from './support.ts';

const path = '/v2/team/x/manifests/v1';

function get(host: string, target = path): string {
  return `GET ${target} HTTP/1.1\r\nHost: ${host}\r\nAuthorization: ${basic('alice')}\r\n\r\n`;
}

test('draining finishes what is under way, closes what is idle, takes nothing new', async (t) => {
  const gateway = await startGateway(t);
  const held: ServerResponse[] = [];
  await startFakeCore(t, gateway.data, (_request, response) => held.push(response));
  const idle = connect(gateway.port, '127.0.0.1');
  idle.write(get(gateway.host, '/healthz'));
  await once(idle, 'data');
  const busy = connect(gateway.port, '127.0.0.1');
  busy.write(get(gateway.host));
  await until(() => held.length === 1, 'the request is under way');
  const drained = gateway.gateway.drain();
  await readToEnd(idle);
  await assert.rejects(once(connect(gateway.port, '127.0.0.1'), 'connect'), { code: 'ECONNREFUSED' });
  const received = readToEnd(busy);
  held[0]!.end('{}');
  assert.match(await received, /^HTTP\/1.1 200 .*\r\nConnection: close\r\n/s);
  await drained;
});

test('what does not finish in time is cut', { timeout: 60_000 }, async (t) => {
  const gateway = await startGateway(t, { 'shutdown.drain': '300ms' });
  let asked = false;
  await startFakeCore(t, gateway.data, () => {
    asked = true;
  });
  const stuck = connect(gateway.port, '127.0.0.1');
  stuck.write(get(gateway.host));
  await until(() => asked, 'the request is under way');
  const [received] = await Promise.all([readToEnd(stuck), gateway.gateway.drain()]);
  assert.equal(received, '');
  const reader = openAuditReader(gateway.config);
  t.after(() => reader.close());
  const entries = await newestEntries(gateway.config, reader, { user: 'alice' }, 10);
  assert.deepEqual(
    entries.map(({ action }) => action),
    ['login'],
    'a request that was cut is written down before the trail is closed',
  );
});

test('a handshake that goes nowhere does not hold it up', { timeout: 60_000 }, async (t) => {
  const gateway = await startGateway(t, { 'tls.mode': 'own', 'shutdown.drain': '10m' });
  const silent = connect(gateway.port, '127.0.0.1');
  await once(silent, 'connect');
  await Promise.all([readToEnd(silent), gateway.gateway.drain()]);
});
