import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { TLSSocket } from 'node:tls';
import { startGatehouse } from '../support/gatehouse.ts';
import { request } from '../support/http.ts';
import { noise } from '../support/images.ts';
import { getOk, pushBlob } from '../support/push.ts';
import { fileScope } from '../support/scope.ts';
import { basic, connectTo, unlimited } from './hostile-support.ts';
import { linuxOnly, residentOf } from './misbehaving-support.ts';

const gatehouse = await startGatehouse(fileScope, { env: unlimited });
const clients = 500;
const maxGrowthKib = 200 * 1024;

/** Opens connections, a few at a time: handshakes are not what is measured. */
async function openAll(scope: Parameters<typeof connectTo>[0], head: string): Promise<TLSSocket[]> {
  const sockets: TLSSocket[] = [];
  for (let done = 0; done < clients; done += 25) {
    const some = await Promise.all(Array.from({ length: 25 }, () => connectTo(scope, gatehouse)));
    for (const socket of some) socket.write(head);
    sockets.push(...some);
  }
  return sockets;
}

/** Each reads a byte now and then, as one byte a second would. */
async function sip(sockets: TLSSocket[]): Promise<void> {
  for (const socket of sockets) {
    if (socket.readableLength === 0) await Promise.race([once(socket, 'readable'), delay(2000)]);
    socket.read(1);
  }
}

const repository = 'slow/x';
/** More than what the kernels of both sides take of a connection. */
const bytes = 12 * 1024 * 1024;
const digest = await pushBlob(gatehouse, repository, noise('slow readers', bytes));
// The heap finds its size.
for (let at = 0; at < 20; at++) await getOk(gatehouse, `/v2/${repository}/blobs/${digest}`);

test('500 clients that read next to nothing of a layer cost little memory', {
  skip: linuxOnly,
  timeout: 240_000,
}, async (t) => {
  const before = residentOf(gatehouse.pidOf('gateway'));
  const head = `GET /v2/${repository}/blobs/${digest} HTTP/1.1\r\nHost: ${gatehouse.host}\r\n${basic(gatehouse)}\r\n`;
  const sockets = await openAll(t, head);
  await sip(sockets);
  await sip(sockets);
  const grown = residentOf(gatehouse.pidOf('gateway')) - before;
  t.diagnostic(`gateway: ${before} KiB, ${grown} KiB more with ${clients} slow readers of ${bytes} bytes`);
  assert.equal((await request(gatehouse, { path: '/v2/' })).status, 200);
  const whole = await getOk(gatehouse, `/v2/${repository}/blobs/${digest}`);
  assert.equal(whole.body.length, bytes);
  for (const socket of sockets) socket.destroy();
  assert.ok(grown < maxGrowthKib, `${grown} KiB`);
});
