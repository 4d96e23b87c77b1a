import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Message, MessageSender, readMessages } from '../../runtime/messages.ts';
import { temporaryDirectory } from '../support/files.ts';
import { onEnd, type Scope } from '../support/scope.ts';

/** Both ends of a connection. */
async function pair(scope: Scope): Promise<[Socket, Socket]> {
  const path = join(await temporaryDirectory(scope, 'messages'), 's');
  const server = createServer();
  server.listen(path);
  await once(server, 'listening');
  const near = connect(path);
  const [[far]] = (await Promise.all([once(server, 'connection'), once(near, 'connect')])) as [
    [Socket],
    unknown,
  ];
  onEnd(scope, () => {
    for (const socket of [near, far]) socket.destroy();
    server.close();
  });
  return [near, far];
}

function collect(socket: Socket, count: number, maxBytes = 1_000_000): Promise<Message[]> {
  const messages: Message[] = [];
  const { promise, resolve, reject } = Promise.withResolvers<Message[]>();
  readMessages(socket, maxBytes, (message) => {
    messages.push({ ...message, body: Buffer.from(message.body) });
    if (messages.length === count) resolve(messages);
  });
  socket.once('error', reject);
  return promise;
}

test('messages of every size arrive as they were sent, in order', async (t) => {
  const [near, far] = await pair(t);
  const sent = [0, 1, 3, 70_000, 0, 300_000, 12].map((bytes, index) => ({
    id: index === 3 ? 0xffffffff : index,
    head: { text: `ü${'x'.repeat(index * 1000)}`, index },
    body: Buffer.alloc(bytes, index),
  }));
  const received = collect(far, sent.length);
  const sender = new MessageSender(near);
  for (const { id, head, body } of sent) sender.send(id, head, body);
  assert.deepEqual(await received, sent);
});

test('a message that comes byte by byte is one message', async (t) => {
  const [near, far] = await pair(t);
  const [writer, copied] = await pair(t);
  const bytes: Buffer[] = [];
  copied.on('data', (chunk: Buffer) => bytes.push(chunk));
  new MessageSender(writer).send(7, { a: [1, 'zwei'] }, Buffer.from('body'));
  setImmediate(() => writer.end());
  await once(copied, 'end');
  const received = collect(far, 1);
  near.setNoDelay(true);
  for (const byte of Buffer.concat(bytes)) {
    near.write(Buffer.of(byte));
    await new Promise(setImmediate);
  }
  assert.deepEqual(await received, [{ id: 7, head: { a: [1, 'zwei'] }, body: Buffer.from('body') }]);
});

for (const [what, length, headBytes] of [
  ['longer than is taken', 1001, 2],
  ['with a head longer than itself', 100, 1000],
] as const) {
  test(`a message ${what} ends the connection`, async (t) => {
    const [near, far] = await pair(t);
    const prefix = Buffer.alloc(12);
    prefix.writeUInt32BE(length, 0);
    prefix.writeUInt32BE(headBytes, 8);
    const ended = new Promise((resolve) => far.once('close', resolve));
    far.on('error', () => {});
    readMessages(far, 1000, () => assert.fail('it is none'));
    near.write(prefix);
    await ended;
  });
}
