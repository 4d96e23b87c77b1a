import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { suite, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { stripVTControlCharacters } from 'node:util';
import { startGatehouse } from '../support/gatehouse.ts';
import { request } from '../support/http.ts';
import { runOk } from '../support/processes.ts';
import { fileScope, onEnd, type Scope } from '../support/scope.ts';
import { missingTool } from '../support/tools.ts';
import { basic, connectTo, readAll, unlimited } from './hostile-support.ts';

// The deadlines are the product's own, 5 to 35 s; the tests wait for them side by side.
const gatehouse = await startGatehouse(fileScope, { env: unlimited });
const host = `Host: ${gatehouse.host}\r\n`;
const pauseMs = 500;
/** Well over every deadline: what is still open then was not going to be closed. */
const timeout = 90_000;

/** Sends a piece again and again until the connection is closed. */
async function drip(socket: Socket, piece: string): Promise<void> {
  while (!socket.destroyed && socket.writable) {
    socket.write(piece);
    await delay(pauseMs);
  }
}

async function expectServed(): Promise<void> {
  assert.equal((await request(gatehouse, { path: '/v2/' })).status, 200);
}

async function openPlain(scope: Scope): Promise<Socket> {
  const socket = connect(gatehouse.port, 'localhost').on('error', () => {});
  onEnd(scope, () => socket.destroy());
  await once(socket, 'connect');
  return socket;
}

const slow = { concurrency: true, timeout };

suite('slow clients', slow, () => {
  test('headers that come one by one and never end: 408', slow, async (t) => {
    const sockets = await Promise.all(Array.from({ length: 100 }, () => connectTo(t, gatehouse)));
    const answers = sockets.map(readAll);
    for (const socket of sockets) {
      socket.write(`GET /v2/ HTTP/1.1\r\n${host}`);
      void drip(socket, 'X: y\r\n');
    }
    await expectServed();
    for (const { status, body } of await Promise.all(answers)) {
      assert.equal(status, 408);
      assert.ok(JSON.parse(body).errors[0].code);
    }
    await expectServed();
  });

  test('a request line that comes letter by letter: 408', slow, async (t) => {
    const socket = await connectTo(t, gatehouse);
    const answer = readAll(socket);
    socket.write('GET /');
    void drip(socket, 'x');
    assert.equal((await answer).status, 408);
  });

  test('a connection that says nothing is closed', slow, async (t) => {
    const { status } = await readAll(await connectTo(t, gatehouse));
    assert.ok(status === undefined || status === 408, String(status));
  });

  test('so is one that never begins, or never ends, its TLS handshake', slow, async (t) => {
    const silent = await openPlain(t);
    const halfway = await openPlain(t);
    halfway.write(Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00]));
    await Promise.all([silent, halfway].map((socket) => once(socket.resume(), 'close')));
    await expectServed();
  });

  test('a stranger’s body that never ends: refused at once, cut soon', slow, async (t) => {
    const sockets = await Promise.all(Array.from({ length: 100 }, () => connectTo(t, gatehouse)));
    const answers = sockets.map(readAll);
    for (const socket of sockets) {
      socket.write(`POST /v2/a/blobs/uploads/ HTTP/1.1\r\n${host}Content-Length: 1000000\r\n\r\n`);
      void drip(socket, 'x');
    }
    await expectServed();
    for (const { status } of await Promise.all(answers)) assert.equal(status, 401);
    await expectServed();
  });

  test('a slow push of one who may push keeps nobody waiting, and what came counts', slow, async (t) => {
    const opened = await request(gatehouse, { method: 'POST', path: '/v2/slow/x/blobs/uploads/' });
    const path = opened.headers.location!;
    const socket = await connectTo(t, gatehouse);
    socket.write(`PATCH ${path} HTTP/1.1\r\n${host}${basic(gatehouse)}Content-Length: 1000000\r\n\r\n`);
    const dripping = drip(socket, 'x'.repeat(1000));
    await delay(4 * pauseMs);
    await expectServed();
    socket.destroy();
    await dripping;
    const status = await request(gatehouse, { path });
    assert.match(status.headers.range ?? '', /^0-[1-9][0-9]*999$/);
  });

  const modes: [name: string, args: string[]][] = [
    ['headers', ['-H', '-u', `${gatehouse.origin}/v2/`]],
    ['bodies', ['-B', '-t', 'POST', '-s', '100000', '-u', `${gatehouse.origin}/v2/a/blobs/uploads/`]],
    ['readers', ['-X', '-u', `${gatehouse.origin}/v2/`]],
  ];
  for (const [name, args] of modes) {
    test(`slowhttptest with slow ${name}`, { ...slow, skip: missingTool('slowhttptest') }, async () => {
      const load = ['-c', '200', '-r', '50', '-i', '2', '-l', '12', '-p', '10'];
      const report = stripVTControlCharacters(await runOk('slowhttptest', [...load, ...args]));
      const available = report.match(/(?<=service available:\s+)\w+/g);
      assert.deepEqual([...new Set(available)], ['YES'], report);
    });
  }
});
