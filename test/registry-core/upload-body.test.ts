import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { eachChunk } from '../../registry-core/upload-body.ts';
import { onEnd } from '../support/scope.ts';

test('all that a client sent before it went away is handed over, however slowly it is taken', async (t) => {
  const arrived = Promise.withResolvers<IncomingMessage>();
  const server = createServer((incoming) => arrived.resolve(incoming)).listen(0, '127.0.0.1');
  onEnd(t, () => server.close());
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const sent = request({
    port,
    host: '127.0.0.1',
    method: 'PATCH',
    headers: { 'content-length': 1_000_000 },
  });
  sent.on('error', () => {});
  const bytes = Buffer.alloc(300_000, 'content');
  sent.write(bytes, () => sent.destroy());
  const taken: Buffer[] = [];
  const handedOver = eachChunk(await arrived.promise, 1_000_000, async (chunk) => {
    taken.push(Buffer.from(chunk));
    await delay(20);
  });
  await assert.rejects(handedOver, { code: 'ECONNRESET' });
  assert.equal(Buffer.concat(taken).length, bytes.length);
  assert.deepEqual(Buffer.concat(taken), bytes);
});
