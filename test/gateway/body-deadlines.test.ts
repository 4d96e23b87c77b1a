import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import { suite, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { Scope } from '../support/scope.ts';
import { basic, raw, readToEnd, startFakeCore, startGateway, type TestGateway, until } from './support.ts';

const session = '/v2/team/x/blobs/uploads/0b7cbd2c-2d1d-4c7c-8a41-3c5d6f0f7a10';
const quick = { 'timeouts.body_idle': '1s', 'timeouts.min_rate': '10KiB' };

/** What the core saw of the bodies that it was sent. */
interface Seen {
  bytes: number;
  requests: number;
  aborted: number;
}

/** A core that takes a body whole, the way `read` takes it, and answers 202. */
async function startSink(
  scope: Scope,
  { data }: TestGateway,
  read?: (request: IncomingMessage, response: ServerResponse) => Promise<void>,
): Promise<Seen> {
  const seen: Seen = { bytes: 0, requests: 0, aborted: 0 };
  await startFakeCore(scope, data, async (request, response) => {
    seen.requests++;
    request.once('close', () => {
      if (!request.complete) seen.aborted++;
    });
    try {
      await read?.(request, response);
      for await (const part of request) seen.bytes += part.length;
      response.writeHead(202, { 'content-length': 0 }).end();
    } catch {
      // The client was cut off.
    }
  });
  return seen;
}

async function begin(gateway: TestGateway, length: number, target = `PATCH ${session}`): Promise<Socket> {
  const socket = connect(gateway.port, '127.0.0.1').on('error', () => {});
  await once(socket, 'connect');
  socket.write(
    `${target} HTTP/1.1\r\nHost: ${gateway.host}\r\nAuthorization: ${basic('alice')}\r\n` +
      `Content-Length: ${length}\r\n\r\n`,
  );
  return socket;
}

/** Sends pieces until all is sent or the connection is closed. */
async function drip(socket: Socket, length: number, piece: number, everyMs: number): Promise<void> {
  for (let sent = 0; sent < length && !socket.destroyed && socket.writable; sent += piece) {
    socket.write(Buffer.alloc(Math.min(piece, length - sent)));
    await delay(everyMs);
  }
}

function errorOf(answer: string): { code: string; message: string } {
  return JSON.parse(answer.slice(answer.indexOf('\r\n\r\n') + 4)).errors[0];
}

suite('slow bodies', { concurrency: true, timeout: 60_000 }, () => {
  test('one that stands still is refused, and the core is rid of it', async (t) => {
    const gateway = await startGateway(t, quick);
    const seen = await startSink(t, gateway);
    const socket = await begin(gateway, 100_000);
    socket.write(Buffer.alloc(50_000));
    const answer = await readToEnd(socket);
    assert.match(answer, /^HTTP\/1.1 408 .*\r\nConnection: close\r\n/s);
    assert.equal(errorOf(answer).code, 'BLOB_UPLOAD_INVALID');
    await until(() => seen.aborted === 1, 'the request to the core is cut');
  });

  test('so is a small one, and one of unknown length, before the core hears of it', async (t) => {
    const gateway = await startGateway(t, quick);
    const seen = await startSink(t, gateway);
    const head = `PATCH ${session} HTTP/1.1\r\nHost: ${gateway.host}\r\nAuthorization: ${basic('alice')}\r\n`;
    for (const rest of ['Content-Length: 100\r\n\r\nx', 'Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n']) {
      const socket = connect(gateway.port, '127.0.0.1').on('error', () => {});
      await once(socket, 'connect');
      socket.write(head + rest);
      const answer = await readToEnd(socket);
      assert.match(answer, /^HTTP\/1.1 408 /);
      assert.match(errorOf(answer).message, /too slowly, or not at all/);
    }
    assert.equal(seen.requests, 0);
  });

  test('one that comes in drops is refused, though it never stands still', async (t) => {
    const gateway = await startGateway(t, quick);
    const seen = await startSink(t, gateway);
    const socket = await begin(gateway, 100_000);
    const answer = readToEnd(socket);
    await drip(socket, 100_000, 1, 50);
    assert.match(await answer, /^HTTP\/1.1 408 /);
    await until(() => seen.aborted === 1, 'the request to the core is cut');
  });

  test('a burst buys no long pause', async (t) => {
    const gateway = await startGateway(t, quick);
    await startSink(t, gateway);
    const socket = await begin(gateway, 10_000_000);
    const answer = readToEnd(socket);
    socket.write(Buffer.alloc(5_000_000));
    assert.match(await answer, /^HTTP\/1.1 408 /);
  });

  test('one over a thin line arrives, however long it takes', async (t) => {
    const gateway = await startGateway(t, quick);
    const seen = await startSink(t, gateway);
    const socket = await begin(gateway, 120_000);
    const answer = once(socket.setEncoding('latin1'), 'data');
    // 20 KB a second, for six times as long as a body may stand still.
    await drip(socket, 120_000, 4000, 200);
    assert.match((await answer)[0], /^HTTP\/1.1 202 /);
    assert.equal(seen.bytes, 120_000);
    socket.destroy();
  });

  test('time in which the core does not read is not the client’s', async (t) => {
    const gateway = await startGateway(t, quick);
    const seen = await startSink(t, gateway, () => delay(4000));
    const bytes = 20_000_000;
    const socket = await begin(gateway, bytes);
    const answer = once(socket.setEncoding('latin1'), 'data');
    socket.write(Buffer.alloc(bytes));
    assert.match((await answer)[0], /^HTTP\/1.1 202 /);
    assert.equal(seen.bytes, bytes);
    socket.destroy();
  });

  test('a manifest has a time as a whole: the core keeps it in memory', async (t) => {
    const gateway = await startGateway(t, { ...quick, 'timeouts.manifest': '2s' });
    const seen = await startSink(t, gateway);
    const socket = await begin(gateway, 4_000_000, 'PUT /v2/team/x/manifests/v1');
    const answer = readToEnd(socket);
    await drip(socket, 4_000_000, 10_000, 100);
    assert.equal(errorOf(await answer).code, 'MANIFEST_INVALID');
    await until(() => seen.aborted === 1, 'the request to the core is cut');
  });

  test('an upload has one, too', async (t) => {
    const gateway = await startGateway(t, { ...quick, 'timeouts.body': '2s' });
    await startSink(t, gateway);
    const socket = await begin(gateway, 4_000_000);
    const answer = readToEnd(socket);
    await drip(socket, 4_000_000, 10_000, 100);
    assert.equal(errorOf(await answer).message, 'the body took too long');
  });

  test('a client that has said all and waits for us is not cut off; one that says nothing is', async (t) => {
    const gateway = await startGateway(t, { ...quick, 'timeouts.idle': '1s', 'timeouts.headers': '20s' });
    await startSink(t, gateway, () => delay(4000));
    const silent = connect(gateway.port, '127.0.0.1').on('error', () => {});
    const closed = readToEnd(silent);
    const socket = await begin(gateway, 3);
    const answer = once(socket.setEncoding('latin1'), 'data');
    socket.write('abc');
    assert.match((await answer)[0], /^HTTP\/1.1 202 /);
    assert.equal(await closed, '');
    socket.destroy();
  });

  test('the head of a request has its time', async (t) => {
    const gateway = await startGateway(t, { 'timeouts.headers': '1s' });
    assert.match(await raw(gateway.port, 'GET / HTTP/1.1\r\nHost:'), /^HTTP\/1.1 408 /);
  });
});
