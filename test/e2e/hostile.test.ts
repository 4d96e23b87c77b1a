import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startGatehouse } from '../support/gatehouse.ts';
import { request } from '../support/http.ts';
import { pushImage } from '../support/push.ts';
import { fileScope } from '../support/scope.ts';
import { attacksOn, victim } from './hostile-attacks.ts';
import { connectTo, readAll, send, unlimited } from './hostile-support.ts';

const gatehouse = await startGatehouse(fileScope, { env: unlimited });
const image = await pushImage(gatehouse, victim, 'v1');

/** On a connection of its own: the attack harmed nobody else. */
async function expectServed(): Promise<void> {
  const answer = await request(gatehouse, { path: `/v2/${victim}/manifests/v1` });
  assert.deepEqual([answer.status, answer.headers['docker-content-digest']], [200, image.digest]);
}

for (const [name, expected, bytes] of attacksOn(gatehouse)) {
  test(`refused: ${name}`, async (t) => {
    const { status, headers, body, answers } = await send(t, gatehouse, bytes);
    if (expected === 'closed') assert.equal(answers, 0, headers);
    else {
      assert.equal(status, expected, body.slice(0, 500));
      assert.equal(answers, 1, 'what was hidden in it was answered, too');
      assert.match(headers, /^content-type: application\/json/im);
      assert.ok(JSON.parse(body).errors[0].code);
    }
    await expectServed();
  });
}

const [ask, close] = [`GET /v2/ HTTP/1.1\r\nHost: ${gatehouse.host}\r\n`, 'Connection: close\r\n\r\n'];

test('an upgrade is not followed: the answer is HTTP/1.1 as ever', async (t) => {
  for (const to of ['websocket', 'h2c', 'TLS/1.0, HTTP/1.1']) {
    const { status, answers } = await send(
      t,
      gatehouse,
      `${ask}Upgrade: ${to}\r\nConnection: upgrade, close\r\n\r\n`,
    );
    assert.deepEqual([status, answers], [401, 1]);
  }
});

test('Expect: 100-continue of a request that is refused gets its refusal and no go-ahead', async (t) => {
  const put = (version: string, more: string) =>
    `PUT /v2/a/manifests/x HTTP/${version}\r\nHost: ${gatehouse.host}\r\nExpect: 100-continue\r\n${more}Content-Length: 2\r\n`;
  const stranger = await send(t, gatehouse, `${put('1.1', '')}${close}`);
  assert.match(stranger.all, /^HTTP\/1\.1 401 /);
  const credentials = `Authorization: Basic ${Buffer.from(`admin:${gatehouse.adminPassword}`).toString('base64')}\r\n`;
  const known = await send(t, gatehouse, `${put('1.1', credentials)}${close}{}`);
  assert.match(known.all, /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 400 /);
  const old = await send(t, gatehouse, `${put('1.0', credentials)}\r\n{}`);
  assert.match(old.all, /^HTTP\/1\.1 400 /);
});

test('sixteen requests at once are answered, each in its turn', async (t) => {
  const { answers } = await send(t, gatehouse, `${ask}\r\n`.repeat(15) + ask + close);
  assert.equal(answers, 16);
});

test('a client that closes its half: an answer or a closed connection, at once', async (t) => {
  const body = `PATCH /v2/a/blobs/uploads/x HTTP/1.1\r\nHost: ${gatehouse.host}\r\nContent-Length: 100\r\n\r\nabc`;
  for (const bytes of ['', 'GET /v2/ HT', `${ask}\r\n`, `${ask}X: y`, body]) {
    const socket = await connectTo(t, gatehouse);
    socket.end(bytes);
    const { status } = await readAll(socket);
    assert.ok(status === undefined || (status >= 400 && status < 500), String(status));
    await expectServed();
  }
});

test('a connection on which many bodies are refused keeps nothing of them', async (t) => {
  const socket = await connectTo(t, gatehouse);
  const bodies = 30;
  let answers = 0;
  const refused = Promise.withResolvers<void>();
  socket.on('data', (bytes) => {
    answers += String(bytes).match(/HTTP\/1\.1 401 /g)?.length ?? 0;
    // Each body comes after its answer, so that it is the gateway that has to get rid of it.
    socket.write(answers < bodies ? `abc${post}` : 'abc');
    if (answers === bodies) refused.resolve();
  });
  const post = `POST /v2/a/blobs/uploads/ HTTP/1.1\r\nHost: ${gatehouse.host}\r\nContent-Length: 3\r\n\r\n`;
  socket.write(post);
  await refused.promise;
  assert.ok(!gatehouse.stderr().includes('MaxListenersExceededWarning'));
});

test('nothing of all that was an error of ours', () => {
  const lines = gatehouse.stderr().split('\n');
  assert.deepEqual(
    lines.filter((line) => /"level":"error"|"status":5[0-9][02-9]/.test(line)),
    [],
  );
});
