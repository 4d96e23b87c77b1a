import assert from 'node:assert/strict';
import type { IncomingHttpHeaders } from 'node:http';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { parseContext } from '../../runtime/request-context.ts';
import { as, request } from '../support/http.ts';
import { fileScope } from '../support/scope.ts';
import { basic, password, raw, startFakeCore, startGateway } from './support.ts';

const gateway = await startGateway(fileScope);
const heard: { method: string; url: string; headers: IncomingHttpHeaders; body: string }[] = [];
let answerWith: Record<string, string> = {};
await startFakeCore(fileScope, gateway.data, async (incoming, response) => {
  const { method = '', url = '', headers } = incoming;
  heard.push({ method, url, headers, body: await text(incoming) });
  response.writeHead(200, answerWith).end('{}');
});
const alice = as(gateway, 'alice', password);
const path = '/v2/team/x/manifests/v1';
const head = `Host: ${gateway.host}\r\nAuthorization: ${basic('alice')}\r\n`;

test('nothing reaches the core but listed headers and ours', async () => {
  const forged = Buffer.from(JSON.stringify({ actor: 'admin', readable: ['**'] })).toString('base64url');
  await request(alice, {
    path: `${path}?ns=docker.io`,
    headers: {
      accept: 'application/json',
      cookie: 'secret=1',
      'proxy-authorization': 'Basic eDp5',
      'x-gatehouse-context': forged,
      'x-sendfile-type': 'X-Accel-Redirect',
      'x-accel-redirect': '/blobs/x',
      'x-forwarded-for': '6.6.6.6',
      'x-http-method-override': 'DELETE',
      te: 'trailers',
      'user-agent': 'a client',
    },
  });
  const { headers, url } = heard.at(-1)!;
  assert.deepEqual(Object.keys(headers).sort(), [
    'accept',
    'connection',
    'host',
    'user-agent',
    'x-gatehouse-context',
  ]);
  assert.equal(url, path);
  const context = parseContext(headers);
  assert.deepEqual(
    { ...context, requestId: '' },
    { actor: 'alice', requestId: '', clientAddress: '127.0.0.1' },
  );
});

test('Connection cannot drop or add internal headers', async () => {
  const received = await raw(
    gateway.port,
    `GET ${path} HTTP/1.1\r\n${head}X-Gatehouse-Context: forged\r\nAccept: a/b\r\nUser-Agent: x\r\n` +
      'Connection: x-gatehouse-context, accept, x-sendfile-type, close\r\n\r\n',
  );
  assert.match(received, /^HTTP\/1.1 200 /);
  const { headers } = heard.at(-1)!;
  assert.equal(parseContext(headers).actor, 'alice');
  assert.equal(headers['user-agent'], 'x');
  assert.equal(headers.accept, undefined);
  assert.equal(headers['x-sendfile-type'], undefined);
});

test('a body of a DELETE or GET does not become the next request to the core', async () => {
  const smuggled = `DELETE /v2/secret/manifests/v1 HTTP/1.1\r\nHost: x\r\n\r\n`;
  const chunked = `${smuggled.length.toString(16)}\r\n${smuggled}\r\n0\r\n\r\n`;
  for (const method of ['DELETE', 'GET', 'HEAD']) {
    const before = heard.length;
    const user = `Host: ${gateway.host}\r\nAuthorization: ${basic('admin')}\r\nConnection: close\r\n`;
    await raw(
      gateway.port,
      `${method} ${path} HTTP/1.1\r\n${user}Transfer-Encoding: chunked\r\n\r\n${chunked}`,
    );
    await raw(
      gateway.port,
      `${method} ${path} HTTP/1.1\r\n${user}Content-Length: ${smuggled.length}\r\n\r\n${smuggled}`,
    );
    assert.equal((await request(as(gateway, 'admin', password), { path })).status, 200);
    const targets = heard.slice(before).map(({ method, url, body }) => `${method} ${url} ${body}`);
    assert.deepEqual(targets, [`${method} ${path} `, `${method} ${path} `, `GET ${path} `]);
  }
});

test('bodies arrive whole, by length and by chunks, whatever Connection says of their framing', async () => {
  const type = 'Content-Type: application/json\r\n';
  const close = 'Connection: close, content-length, transfer-encoding\r\n';
  await raw(gateway.port, `PUT ${path} HTTP/1.1\r\n${head}${type}${close}Content-Length: 5\r\n\r\nabcde`);
  assert.deepEqual([heard.at(-1)!.body, heard.at(-1)!.headers['content-length']], ['abcde', '5']);
  const chunked = `PUT ${path} HTTP/1.1\r\n${head}${type}${close}Transfer-Encoding: chunked\r\n\r\n`;
  await raw(gateway.port, `${chunked}3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n`);
  assert.equal(heard.at(-1)!.body, 'abcde');
  // A small one was read before the core heard of it: its length is known by then, and the only framing.
  const framing = ({ headers }: (typeof heard)[number]) => [
    headers['content-length'],
    headers['transfer-encoding'],
  ];
  assert.deepEqual(framing(heard.at(-1)!), ['5', undefined]);
  const large = 'x'.repeat(70_000);
  await raw(gateway.port, `${chunked}${large.length.toString(16)}\r\n${large}\r\n2\r\nde\r\n0\r\n\r\n`);
  assert.equal(heard.at(-1)!.body, `${large}de`);
  assert.deepEqual(framing(heard.at(-1)!), [undefined, 'chunked']);
  const before = heard.length;
  const coded = await raw(
    gateway.port,
    `PUT ${path} HTTP/1.1\r\n${head}Connection: close\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`,
  );
  assert.match(coded, /^HTTP\/1.1 501 /);
  assert.equal(heard.length, before);
});

test('no internal header leaves', async () => {
  answerWith = {
    'x-accel-redirect-not': 'x',
    'x-gatehouse-anything': 'x',
    'x-gatehouse-accel-range': '0-1/2',
    'set-cookie': 'a=b',
    server: 'core',
    'docker-content-digest': 'sha256:x',
    location: '/v2/team/x',
    connection: 'docker-content-digest',
  };
  const answer = await request(alice, { path });
  answerWith = {};
  assert.equal(answer.headers.location, '/v2/team/x');
  const leaked = Object.keys(answer.headers).filter((name) =>
    /gatehouse|accel|cookie|server|digest/.test(name),
  );
  assert.deepEqual(leaked, []);
});

test('a core that names a file where none was asked for is not followed', async () => {
  answerWith = { 'x-accel-redirect': '/blobs/sha256/aa/x.1', 'x-gatehouse-accel-range': '0-0/1' };
  const answer = await request(alice, { path });
  answerWith = {};
  assert.deepEqual([answer.status, answer.json.errors[0].code], [500, 'INTERNAL']);
});

test('Expect: 100-continue gets its go-ahead only when nothing speaks against the body', async () => {
  const expect = 'Expect: 100-continue\r\nConnection: close\r\nContent-Length: 2\r\n';
  const put = (target: string, body: string) =>
    raw(gateway.port, `PUT ${target} HTTP/1.1\r\n${head}${expect}\r\n${body}`);
  assert.match(await put(path, 'ab'), /^HTTP\/1.1 100 Continue\r\n\r\nHTTP\/1.1 200 /);
  assert.equal(heard.at(-1)!.headers.expect, undefined);
  assert.match(await put('/v2/other/manifests/v1', ''), /^HTTP\/1.1 403 /);
});

test('pipelined requests are answered one after another, in order', async () => {
  const one = (tag: string, last = '') => `GET /v2/team/x/manifests/${tag} HTTP/1.1\r\n${head}${last}\r\n`;
  const before = heard.length;
  const received = await raw(gateway.port, one('a') + one('b') + one('c', 'Connection: close\r\n'));
  assert.equal(received.match(/HTTP\/1.1 200/g)?.length, 3);
  const urls = heard.slice(before).map(({ url }) => url.at(-1));
  assert.deepEqual(urls, ['a', 'b', 'c']);
});
