import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { as, request } from '../support/http.ts';
import { digestOf, pushImage, withParameter } from '../support/push.ts';
import { onEnd } from '../support/scope.ts';
import {
  basic,
  password,
  raw,
  readToEnd,
  startCore,
  startFakeCore,
  startGateway,
  stopServer,
  until,
} from './support.ts';

const path = '/v2/team/x/manifests/v1';
const upload = '/v2/team/x/blobs/uploads/00000000-0000-0000-0000-000000000000';

function head(gateway: { host: string }, user = 'alice'): string {
  return `Host: ${gateway.host}\r\nAuthorization: ${basic(user)}\r\n`;
}

test('a client that goes away in the middle of a push takes its upstream request with it', async (t) => {
  const gateway = await startGateway(t);
  const under: IncomingMessage[] = [];
  await startFakeCore(t, gateway.data, (incoming) => {
    under.push(incoming);
    incoming.on('error', () => {}).resume();
  });
  const socket = connect(gateway.port, '127.0.0.1');
  socket.write(`PATCH ${upload} HTTP/1.1\r\n${head(gateway)}Content-Length: 1000000\r\n\r\nabc`);
  await until(() => under.length === 1, 'the request arrives');
  assert.equal(under[0]!.destroyed, false);
  socket.destroy();
  await until(() => under[0]!.destroyed && !under[0]!.complete, 'the upstream request is destroyed');
});

test('… and one that goes away while it waits or reads', async (t) => {
  const gateway = await startGateway(t);
  let closed = 0;
  let started = 0;
  await startFakeCore(t, gateway.data, (incoming, response) => {
    started++;
    response.on('close', () => closed++);
    if (incoming.url === path) return;
    const send = (): void => {
      while (!response.destroyed && response.write(Buffer.alloc(65_536)));
      response.once('drain', send);
    };
    send();
  });
  const sockets = [path, '/v2/team/x/tags/list'].map((target) => {
    const socket = connect(gateway.port, '127.0.0.1').pause();
    socket.write(`GET ${target} HTTP/1.1\r\n${head(gateway)}\r\n`);
    return socket;
  });
  await until(() => started === 2, 'both requests arrive');
  await delay(50);
  for (const socket of sockets) socket.destroy();
  await until(() => closed === 2, 'both are destroyed');
});

test('a core that dies in the middle of an answer breaks it off for the client', async (t) => {
  const gateway = await startGateway(t);
  await startFakeCore(t, gateway.data, (_incoming, response) => {
    response.writeHead(200, { 'content-length': '1000' });
    response.write('only this');
    setTimeout(() => response.destroy(), 20);
  });
  const received = await raw(gateway.port, `GET ${path} HTTP/1.1\r\n${head(gateway)}\r\n`);
  assert.match(received, /only this$/);
});

test('a core that dies before its answer: reading is repeated once, writing is not', async (t) => {
  const gateway = await startGateway(t);
  let asked = 0;
  await startFakeCore(t, gateway.data, (incoming, response) => {
    if (++asked % 2 === 1) incoming.socket.destroy();
    else response.end('second');
  });
  const alice = as(gateway, 'alice', password);
  assert.equal((await request(alice, { path })).text, 'second');
  assert.equal(asked, 2);
  const put = await request(alice, { path, method: 'PUT', body: '{}' });
  assert.deepEqual([put.status, put.json.errors[0].code], [503, 'UNAVAILABLE']);
  assert.ok(Number(put.headers['retry-after']) > 0);
  assert.equal(asked, 3);
});

test('while the core restarts reads wait, bodies are refused at once', async (t) => {
  const gateway = await startGateway(t);
  const alice = as(gateway, 'alice', password);
  const first = await startFakeCore(t, gateway.data, (_incoming, response) => response.end('first'));
  assert.equal((await request(alice, { path })).text, 'first');
  await stopServer(first);
  let isAnswered = false;
  const waiting = request(alice, { path }).finally(() => {
    isAnswered = true;
  });
  const refused = await request(alice, { path, method: 'PUT', body: '{}' });
  assert.equal(refused.status, 503);
  assert.equal(isAnswered, false, 'the read still waits');
  await startFakeCore(t, gateway.data, (_incoming, response) => response.end('again'));
  assert.equal((await waiting).text, 'again');
});

test('without a core there is a 503 in the end', { timeout: 60_000 }, async (t) => {
  const gateway = await startGateway(t);
  const answer = await request(as(gateway, 'alice', password), { path });
  assert.deepEqual([answer.status, answer.json.errors[0].code], [503, 'UNAVAILABLE']);
  assert.equal(answer.headers['retry-after'], '2');
});

test('connections to the core are kept and used again', async (t) => {
  const gateway = await startGateway(t);
  const sockets = new Set<Socket>();
  await startFakeCore(t, gateway.data, (incoming, response) => {
    sockets.add(incoming.socket);
    incoming.resume();
    response.end('{}');
  });
  const alice = as(gateway, 'alice', password);
  for (let index = 0; index < 20; index++) {
    await request(alice, index % 2 ? { path } : { path, method: 'PUT', body: '{}' });
  }
  assert.equal(sockets.size, 1);
});

test('an answer before the end of the body reaches the client, and the connection stays usable', async (t) => {
  const gateway = await startGateway(t);
  await startFakeCore(t, gateway.data, (incoming, response) => {
    response.writeHead(413, { 'content-length': '0' }).end();
    incoming.resume();
  });
  // A raw client: Node's own may give a connection up when the answer comes before its body is out.
  const socket = connect(gateway.port, '127.0.0.1').setEncoding('latin1');
  // Before the gateway ends, which resets a connection whose last body is still on its way.
  onEnd(t, () => socket.destroy());
  let received = '';
  socket.on('data', (text: string) => {
    received += text;
  });
  const framings = [
    ['Content-Length: 3000000', Buffer.alloc(3_000_000)],
    ['Transfer-Encoding: chunked', Buffer.from(`2dc6c0\r\n${' '.repeat(3_000_000)}\r\n0\r\n\r\n`)],
  ] as const;
  const cases = [path, '/v2/other/manifests/v1', '/nowhere'].flatMap((target) =>
    framings.map(([framing, body]) => ({ target, framing, body })),
  );
  for (const [index, { target, framing, body }] of cases.entries()) {
    socket.write(`PUT ${target} HTTP/1.1\r\n${head(gateway)}${framing}\r\n\r\n`);
    socket.write(body);
    const answers = () => received.match(/HTTP\/1\.1 4(13|03|04)/g)?.length;
    await until(() => answers() === index + 1, `${target} with ${framing} is answered`);
  }
});

test('a body is not taken faster than the core takes it', async (t) => {
  const gateway = await startGateway(t);
  let stuck: IncomingMessage | undefined;
  await startFakeCore(t, gateway.data, (incoming, response) => {
    stuck = incoming;
    incoming.on('end', () => response.end('{}'));
  });
  const total = 64 * 1024 * 1024;
  const socket = connect(gateway.port, '127.0.0.1');
  socket.write(
    `PATCH ${upload} HTTP/1.1\r\n${head(gateway)}Connection: close\r\nContent-Length: ${total}\r\n\r\n`,
  );
  let sent = 0;
  const part = Buffer.alloc(65_536);
  const pump = (): void => {
    while (sent < total) {
      sent += part.length;
      if (!socket.write(part)) return void socket.once('drain', pump);
    }
  };
  pump();
  await until(() => stuck !== undefined, 'the request arrives');
  await delay(300);
  assert.ok(sent < 24 * 1024 * 1024, `${sent} bytes were taken although the core took none`);
  stuck!.resume();
  assert.match(await readToEnd(socket), /^HTTP\/1.1 200 /);
  assert.equal(sent, total);
});

test('kill -9 of the real core under load: nothing hangs, and what was acknowledged is there', async (t) => {
  const gateway = await startGateway(t);
  const core = await startCore(t, gateway.data);
  const alice = as(gateway, 'alice', password);
  const image = await pushImage(alice, 'team/x', 'v1', { layers: [Buffer.alloc(300_000, 1)] });
  const reads = Array.from({ length: 20 }, () => request(alice, { path }));
  core.kill('SIGKILL');
  await once(core, 'exit');
  const restarted = startCore(t, gateway.data);
  for (const answer of await Promise.all(reads)) assert.ok([200, 503].includes(answer.status));
  await restarted;
  const layer = image.layers[0]!;
  const blob = await request(alice, { path: `/v2/team/x/blobs/${layer.digest}` });
  assert.equal(digestOf(blob.body), layer.digest);
});

test('a long upload in chunks through the real core', async (t) => {
  const gateway = await startGateway(t);
  await startCore(t, gateway.data);
  const alice = as(gateway, 'alice', password);
  const parts = Array.from({ length: 8 }, (_, index) => Buffer.alloc(1_000_000, index));
  let answer = await request(alice, { method: 'POST', path: '/v2/team/x/blobs/uploads/' });
  for (const part of parts) {
    const body = Readable.from([part.subarray(0, 10), part.subarray(10)]);
    const headers = { 'content-type': 'application/octet-stream' };
    answer = await request(alice, { method: 'PATCH', path: answer.headers.location!, body, headers });
    assert.equal(answer.status, 202, answer.text);
  }
  const whole = Buffer.concat(parts);
  const done = withParameter(answer.headers.location!, 'digest', digestOf(whole));
  assert.equal((await request(alice, { method: 'PUT', path: done })).status, 201);
  const pulled = await request(alice, { path: `/v2/team/x/blobs/${digestOf(whole)}` });
  assert.ok(pulled.body.equals(whole));
});
