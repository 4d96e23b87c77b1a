import assert from 'node:assert/strict';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import { openCoreMessages } from '../../gateway/core-messages.ts';
import type { CoreRequest } from '../../gateway/core-request.ts';
import { SmallSubmissions } from '../../gateway/small-submissions.ts';
import { listenOnSocket } from '../../runtime/control.ts';
import { MessageSender, readMessages } from '../../runtime/messages.ts';
import { maxQuestionBodyBytes, type ReadQuestion } from '../../runtime/read-messages.ts';
import { as, request } from '../support/http.ts';
import { digestOf, pushImage } from '../support/push.ts';
import { onEnd, type Scope } from '../support/scope.ts';
import { password, startCore, startFakeCore, startGateway, until } from './support.ts';

const context = { actor: 'alice', requestId: 'r', clientAddress: '192.0.2.1' };

/** The socket for messages, each of which is given to `take`; HEAD is answered 404, so that there is a connection. */
async function startFakeMessages(
  scope: Scope,
  data: string,
  take: (question: ReadQuestion, body: Buffer, answer: (status: number) => void, socket: Socket) => void,
) {
  const server = createServer((socket) => {
    const sender = new MessageSender(socket);
    socket.on('error', () => {});
    readMessages(socket, 1_000_000, ({ id, head, body }) => {
      const question = head as ReadQuestion;
      const answer = (status: number) => sender.send(id, { status, headers: {} });
      if (question.method === 'HEAD') answer(404);
      else take(question, body, answer, socket);
    });
    onEnd(scope, () => socket.destroy());
  });
  await listenOnSocket(server, join(data, 'run', 'core-messages.sock'));
  onEnd(scope, () => void server.close());
}

/** A gateway between alice and a core of ours. @returns what came over HTTP. */
async function startBetween(scope: Scope, take: Parameters<typeof startFakeMessages>[2]) {
  const gateway = await startGateway(scope);
  const overHttp: { method: string; body: Buffer }[] = [];
  await startFakeCore(scope, gateway.data, async (asked, response) => {
    overHttp.push({ method: asked.method!, body: await buffer(asked) });
    response.writeHead(202, { 'Content-Length': 0 }).end();
  });
  await startFakeMessages(scope, gateway.data, take);
  const alice = as(gateway, 'alice', password);
  const path = '/v2/team/app/blobs/uploads/5ba01f1c-6a19-4be9-a2a7-60c5e2f4c1cf';
  const send = (method: string, body?: Buffer | Readable) => request(alice, { method, path, body });
  const isConnected = () => request(alice, { method: 'HEAD', path: `/v2/team/app/blobs/${digestOf('x')}` });
  await isConnected();
  return {
    send,
    overHttp,
    start: () => request(alice, { method: 'POST', path: '/v2/team/app/blobs/uploads/' }),
  };
}

test('the steps of a small push go as messages, of the real core too', async (t) => {
  const gateway = await startGateway(t);
  await startCore(t, gateway.data);
  const messages = openCoreMessages(join(gateway.data, 'run', 'core-messages.sock'));
  onEnd(t, () => messages.close());
  await messages.ask({ method: 'GET', target: '/v2/', headers: {}, context });
  const submit = (method: string, target: string, body = Buffer.alloc(0)) =>
    messages.submit({ method, target, headers: { 'content-length': `${body.length}` }, context }, body);
  const started = await submit('POST', '/v2/team/app/blobs/uploads/');
  assert.equal(started?.statusCode, 202);
  const { location } = started.headers;
  const bytes = Buffer.alloc(maxQuestionBodyBytes, 'x');
  assert.equal((await submit('PATCH', location!, bytes))?.headers.range, `0-${bytes.length - 1}`);
  const wrong = await submit('PUT', `${location}?digest=${digestOf('other')}`);
  assert.equal(wrong?.statusCode, 400);
  assert.equal(JSON.parse(`${wrong.body}`).errors[0].code, 'DIGEST_INVALID');
  const ended = await submit('PUT', `${location}?digest=${digestOf(bytes)}`);
  assert.equal(ended?.statusCode, 201);
  assert.equal((await submit('PUT', '/v2/team/app/manifests/v1', Buffer.from('{')))?.statusCode, 400);
  assert.equal(await submit('DELETE', location!), undefined, 'that is for HTTP');
  const alice = as(gateway, 'alice', password);
  assert.deepEqual((await request(alice, { path: `/v2/team/app/blobs/${digestOf(bytes)}` })).body, bytes);
  await pushImage(alice, 'team/app', 'v1');
});

test('of a session that is not the caller’s own, a message hears as little as HTTP', async (t) => {
  const gateway = await startGateway(t);
  await startCore(t, gateway.data);
  const messages = openCoreMessages(join(gateway.data, 'run', 'core-messages.sock'));
  onEnd(t, () => messages.close());
  await messages.ask({ method: 'GET', target: '/v2/', headers: {}, context });
  const none = Buffer.alloc(0);
  const started = await messages.submit(
    { method: 'POST', target: '/v2/team/app/blobs/uploads/', headers: { 'content-length': '0' }, context },
    none,
  );
  const target = started!.headers.location!;
  const another = { ...context, actor: 'bob', ownerOnly: true } as const;
  const refused = await messages.submit({ method: 'PATCH', target, headers: {}, context: another }, none);
  assert.equal(refused?.statusCode, 401);
});

test('a push whose core dies is not sent again, but for the start of an upload', async (t) => {
  const taken: string[] = [];
  const { send, start, overHttp } = await startBetween(t, ({ method }, _, __, socket) => {
    taken.push(method);
    socket.destroy();
  });
  const answer = await send('PATCH', Buffer.from('bytes'));
  assert.deepEqual([answer.status, answer.headers['retry-after']], [503, '2']);
  assert.deepEqual([taken, overHttp], [['PATCH'], []]);
  await until(
    async () => (await start()).status === 202 && taken.length > 1,
    'a start over a new connection',
  );
  assert.ok(taken.slice(1).every((method) => method === 'POST'));
  assert.ok(overHttp.every(({ method }) => method === 'POST'));
});

test('a body of unknown length is a message when it turns out to be small, and streamed whole when not', async (t) => {
  const asked: [ReadQuestion['headers'], Buffer][] = [];
  const { send, overHttp } = await startBetween(t, ({ headers }, body, answer) => {
    asked.push([headers, Buffer.from(body)]);
    answer(202);
  });
  const pieces = [
    Buffer.alloc(20_000, 'a'),
    Buffer.alloc(1, 'b'),
    Buffer.alloc(maxQuestionBodyBytes - 20_001, 'c'),
  ];
  assert.equal((await send('PATCH', Readable.from(pieces))).status, 202);
  const [[headers, body] = []] = asked;
  assert.deepEqual([body, headers?.['content-length']], [Buffer.concat(pieces), `${maxQuestionBodyBytes}`]);
  assert.ok(!('transfer-encoding' in headers!));
  assert.equal((await send('PATCH', Readable.from([]))).status, 202, 'nothing');
  assert.deepEqual(asked[1]![1], Buffer.alloc(0));
  assert.deepEqual(overHttp, []);

  const large = [...pieces, Buffer.alloc(1, 'd'), Buffer.alloc(3_000_000, 'e'), Buffer.alloc(70_000, 'f')];
  assert.equal((await send('PATCH', Readable.from(large))).status, 202);
  assert.equal(asked.length, 2);
  assert.deepEqual(overHttp, [{ method: 'PATCH', body: Buffer.concat(large) }]);
});

test('what the core does not want as a message is streamed with its whole body', async (t) => {
  const bodies: Buffer[] = [];
  const { send, overHttp } = await startBetween(t, (_, body, answer) => {
    bodies.push(Buffer.from(body));
    answer(0);
  });
  const [small, large] = [
    Buffer.alloc(maxQuestionBodyBytes, 'x'),
    Buffer.alloc(maxQuestionBodyBytes + 1, 'y'),
  ];
  for (const body of [small, large]) assert.equal((await send('PATCH', body)).status, 202);
  assert.deepEqual(bodies, [small], 'a larger one is no message');
  assert.deepEqual(
    overHttp.map(({ body }) => body),
    [small, large],
  );
});

test('many small bodies that come slowly do not take the memory of the machine', async () => {
  const submissions = new SmallSubmissions();
  const small = { headers: { 'content-length': `${maxQuestionBodyBytes}` } } as unknown as CoreRequest;
  const { promise, resolve } = Promise.withResolvers<void>();
  const held: Promise<void>[] = [];
  while (submissions.takes(small)) held.push(submissions.with(small, () => promise));
  assert.equal(held.length, (32 * 1024 * 1024) / maxQuestionBodyBytes);
  resolve();
  await Promise.all(held);
  assert.ok(submissions.takes(small));
  for (const length of [undefined, `${maxQuestionBodyBytes + 1}`, 'nonsense']) {
    assert.ok(
      !submissions.takes({ headers: length ? { 'content-length': length } : {} } as unknown as CoreRequest),
    );
  }
});
