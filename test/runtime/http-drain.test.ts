import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Agent, get, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import { buffer, text } from 'node:stream/consumers';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { drainServer } from '../../runtime/http-drain.ts';
import { onEnd } from '../support/scope.ts';
import { serve } from './support.ts';

const forever = 600_000;

test('a request under way finishes, and its connection goes with it', async (t) => {
  const entered = Promise.withResolvers<ServerResponse>();
  const { server, origin } = await serve(t, (_, response) => {
    response.write('first ');
    entered.resolve(response);
  });
  const agent = new Agent({ keepAlive: true });
  onEnd(t, () => agent.destroy());
  const [answer] = (await once(get(origin, { agent }), 'response')) as [IncomingMessage];
  const response = await entered.promise;
  const drained = drainServer(server, forever);
  assert.equal(server.listening, false);
  response.end('second');
  assert.equal(await text(answer), 'first second');
  await drained;
});

test('idle connections are closed at once, new ones refused', async (t) => {
  const { server, origin, port } = await serve(t, (_, response) => response.end('ok'));
  const agent = new Agent({ keepAlive: true });
  onEnd(t, () => agent.destroy());
  const [answer] = (await once(get(origin, { agent }), 'response')) as [IncomingMessage];
  await text(answer);
  await drainServer(server, forever);
  const [error] = await once(connect(port, '127.0.0.1'), 'error');
  assert.equal(error.code, 'ECONNREFUSED');
});

test('what is left at the limit is cut', async (t) => {
  const { server, origin } = await serve(t, (_, response) => void response.write('never whole'));
  const [answer] = (await once(get(origin), 'response')) as [IncomingMessage];
  const cut = assert.rejects(text(answer), { code: 'ECONNRESET' });
  await drainServer(server, 1);
  await cut;
});

test('a server that nobody uses is drained, too', async (t) => {
  const { server } = await serve(t, () => {});
  await drainServer(server, forever);
  assert.equal(server.listening, false);
});

test('an answer that was handed over is sent to the last byte, however slowly it is read', async (t) => {
  const body = Buffer.alloc(8 * 1024 * 1024, 'slowly');
  const ended = Promise.withResolvers<void>();
  const { server, origin } = await serve(t, (_, response) => {
    response.end(body);
    ended.resolve();
  });
  const [answer] = (await once(get(origin, { agent: new Agent({ keepAlive: true }) }), 'response')) as [
    IncomingMessage,
  ];
  await ended.promise;
  const drained = drainServer(server, forever);
  // More than one round of the sweep.
  await delay(200);
  assert.equal((await buffer(answer)).length, body.length);
  await drained;
});

test('a connection on which the next request has begun is not idle', async (t) => {
  const used = Promise.withResolvers<Socket>();
  const { server, port } = await serve(t, (request, response) => {
    used.resolve(request.socket);
    response.end('ok');
  });
  const request = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n';
  const client = connect(port, '127.0.0.1').setEncoding('latin1');
  onEnd(t, () => client.destroy());
  client.write(request);
  assert.match((await once(client, 'data'))[0], /^HTTP\/1.1 200 /);
  const connection = await used.promise;
  const before = connection.bytesRead;
  client.write(request.slice(0, 10));
  while (connection.bytesRead === before) await new Promise(setImmediate);
  server.closeIdleConnections();
  client.write(request.slice(10));
  assert.match((await once(client, 'data'))[0], /^HTTP\/1.1 200 /);
  server.closeIdleConnections();
  await once(client, 'close');
});

test('a body that is read after its answer does not keep its connection from being idle', async (t) => {
  const read = Promise.withResolvers<void>();
  const { server, port } = await serve(t, (request, response) => {
    response.end('no');
    request.resume().once('end', read.resolve);
  });
  const client = connect(port, '127.0.0.1').setEncoding('latin1');
  onEnd(t, () => client.destroy());
  client.write('PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n');
  assert.match((await once(client, 'data'))[0], /^HTTP\/1.1 200 /);
  client.write(Buffer.alloc(100_000));
  await read.promise;
  await Promise.all([drainServer(server, forever), once(client, 'close')]);
});

test('a connection that was never used is idle', async (t) => {
  const { server, port } = await serve(t, () => {});
  const client = connect(port, '127.0.0.1');
  onEnd(t, () => client.destroy());
  await once(server, 'connection');
  await drainServer(server, forever);
});
