import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Agent, get, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
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
