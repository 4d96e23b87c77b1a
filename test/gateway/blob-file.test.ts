import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readlinkSync } from 'node:fs';
import { mkdir, rename, symlink, truncate, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { openBlobFile } from '../../gateway/blobs/file.ts';
import { temporaryDirectory } from '../support/files.ts';
import { as, request } from '../support/http.ts';
import { digestOf } from '../support/push.ts';
import type { Scope } from '../support/scope.ts';
import { basic, password, raw, startFakeCore, startGateway, until } from './support.ts';

const bytes = randomBytes(3_000_000);
const hex = digestOf(bytes).slice('sha256:'.length);
const name = (id: string) => `/blobs/sha256/${hex.slice(0, 2)}/${hex}.${id}`;
const target = `/v2/team/x/blobs/sha256:${hex}`;

async function storeFile(root: string, path: string, content = bytes): Promise<string> {
  await mkdir(dirname(join(root, path)), { recursive: true });
  await writeFile(join(root, path), content);
  return join(root, path);
}

/** How many descriptors of this process are open on blobs of the data directory, or on anything else of it. */
function openDescriptors(data: string, below = '/blobs/'): number {
  return readdirSync('/proc/self/fd').filter((entry) => {
    try {
      return readlinkSync(`/proc/self/fd/${entry}`).startsWith(data + below);
    } catch {
      return false;
    }
  }).length;
}

/** Takes bytes as a socket does: they are its own only when it calls back, which takes it a while. */
function slowSink(received: Buffer[], delayMs = 1): Writable {
  return new Writable({
    async write(chunk: Buffer, _encoding, done) {
      await delay(delayMs);
      received.push(Buffer.from(chunk));
      done();
    },
  });
}

test('sends any part of a file', async (t) => {
  const root = await temporaryDirectory(t);
  await storeFile(root, '/f');
  const file = await openBlobFile(root, '/f');
  assert.equal(file.size, bytes.length);
  for (const [start, length] of [
    [0, bytes.length],
    [0, 0],
    [1, 1],
    [262_143, 262_146],
    [bytes.length - 1, 1],
  ] as const) {
    const received: Buffer[] = [];
    await file.send(slowSink(received), start, length);
    assert.ok(Buffer.concat(received).equals(bytes.subarray(start, start + length)));
  }
  await file.close();
});

test('a buffer goes to another transfer only when its bytes went out', async (t) => {
  const root = await temporaryDirectory(t);
  await storeFile(root, '/f');
  const file = await openBlobFile(root, '/f');
  const starts = Array.from({ length: 10 }, (_, index) => index * 10_000);
  const abandoned: Buffer[][] = starts.map(() => []);
  const leave = starts.map(async (start, index) => {
    const sink = slowSink(abandoned[index]!, 50);
    const sending = file.send(sink, start, 30_000);
    setTimeout(() => sink.destroy(), 10);
    await sending;
  });
  await Promise.all(leave);
  // These take whatever buffers there are, while the abandoned writes are still being worked on.
  const received: Buffer[][] = starts.map(() => []);
  await Promise.all(starts.map((_, index) => file.send(slowSink(received[index]!), 1_000_000, 1_000_000)));
  await delay(100);
  for (const [index, start] of starts.entries()) {
    assert.ok(Buffer.concat(abandoned[index]!).equals(bytes.subarray(start, start + 30_000)));
    assert.ok(Buffer.concat(received[index]!).equals(bytes.subarray(1_000_000, 2_000_000)));
  }
  await file.close();
});

test('a closed destination ends the sending; a file that shrank is an error', async (t) => {
  const root = await temporaryDirectory(t);
  const path = await storeFile(root, '/f');
  const file = await openBlobFile(root, '/f');
  const stuck = new Writable({ write: () => {} });
  const sending = file.send(stuck, 0, bytes.length);
  setImmediate(() => stuck.destroy());
  await sending;
  await truncate(path, 1000);
  await assert.rejects(file.send(new PassThrough().resume(), 0, bytes.length), /ends before/);
  await file.close();
});

test('follows no symbolic link and opens nothing but files', async (t) => {
  const root = await temporaryDirectory(t);
  await symlink('/etc/passwd', join(root, 'link'));
  await mkdir(join(root, 'directory'));
  await assert.rejects(openBlobFile(root, '/link'), { code: 'ELOOP' });
  await assert.rejects(openBlobFile(root, '/directory'), /no regular file/);
  await assert.rejects(openBlobFile(root, '/missing'), { code: 'ENOENT' });
  assert.equal(openDescriptors(root, ''), 0);
});

interface Named {
  path?: string;
  range?: string;
  status?: number;
  headers?: Record<string, string>;
}

/** A gateway whose core names these files, one per request, the last one for all further ones. */
async function naming(scope: Scope, ...answers: Named[]) {
  const gateway = await startGateway(scope);
  let asked = 0;
  await startFakeCore(scope, gateway.data, (incoming, response) => {
    const answer = answers[Math.min(asked++, answers.length - 1)]!;
    assert.equal(incoming.headers['x-sendfile-type'], 'X-Accel-Redirect');
    const { path, range = `0-${bytes.length - 1}/${bytes.length}`, status = 200, headers = {} } = answer;
    const accel = path ? { 'x-accel-redirect': path, 'x-gatehouse-accel-range': range } : {};
    response.writeHead(status, { etag: '"x"', 'content-length': '0', ...accel, ...headers }).end();
  });
  const get = () => request(as(gateway, 'bob', password), { path: target });
  return { ...gateway, get, asked: () => asked };
}

test('a blob comes from the file that the core named', async (t) => {
  const gateway = await naming(t, { path: name('a1') });
  await storeFile(gateway.data, name('a1'));
  const answer = await gateway.get();
  assert.deepEqual(
    [answer.status, answer.headers['content-length'], answer.headers.etag],
    [200, '3000000', '"x"'],
  );
  assert.ok(answer.body.equals(bytes));
  assert.equal(openDescriptors(gateway.data), 0);
});

test('a part of a blob, and an empty blob', async (t) => {
  const headers = { 'content-range': 'bytes 5-9/3000000' };
  const gateway = await naming(t, { path: name('a1'), range: '5-9/3000000', status: 206, headers });
  await storeFile(gateway.data, name('a1'));
  const answer = await gateway.get();
  assert.deepEqual([answer.status, answer.headers['content-range']], [206, headers['content-range']]);
  assert.ok(answer.body.equals(bytes.subarray(5, 10)));
  const empty = await naming(t, { path: name('a1'), range: '0-0/0' });
  await storeFile(empty.data, name('a1'), Buffer.alloc(0));
  const nothing = await empty.get();
  assert.deepEqual([nothing.status, nothing.headers['content-length'], nothing.body.length], [200, '0', 0]);
});

test('a file that is gone: the core is asked once more', async (t) => {
  const gateway = await naming(t, { path: name('old') }, { path: name('new') });
  await storeFile(gateway.data, name('new'));
  assert.ok((await gateway.get()).body.equals(bytes));
  assert.equal(gateway.asked(), 2);
  const gone = await naming(t, { path: name('old') }, { status: 404 });
  assert.equal((await gone.get()).status, 404);
  const lost = await naming(t, { path: name('old') });
  assert.deepEqual([(await lost.get()).status, lost.asked()], [500, 2]);
});

test('what is not the asked blob’s file is not opened', async (t) => {
  const other = 'b'.repeat(64);
  for (const named of [
    { path: '/../users.db' },
    { path: `/blobs/sha256/${hex.slice(0, 2)}/../../users.db` },
    { path: `${name('a1')}/../x` },
    { path: name('A1') },
    { path: name('') },
    { path: `/blobs/sha256/bb/${other}.a1` },
    { path: name('a1'), range: '0-3000000/3000000' },
    { path: name('a1'), range: '9-5/3000000' },
    { path: name('a1'), range: '0-9/10' },
    { path: name('a1'), range: 'all' },
    { path: name('a1'), status: 404 },
  ]) {
    const gateway = await naming(t, named);
    await storeFile(gateway.data, name('a1'));
    const answer = await gateway.get();
    assert.deepEqual([answer.status, answer.json.errors[0].code], [500, 'INTERNAL'], JSON.stringify(named));
  }
  const linked = await naming(t, { path: name('a1') });
  const path = await storeFile(linked.data, name('a1'));
  await rename(path, `${path}.moved`);
  await symlink(`${path}.moved`, path);
  assert.equal((await linked.get()).status, 500);
});

test('a client that reads slowly or goes away holds nothing', async (t) => {
  const big = Buffer.alloc(64 * 1024 * 1024);
  const gateway = await naming(t, { path: name('a1'), range: `0-${big.length - 1}/${big.length}` });
  await storeFile(gateway.data, name('a1'), big);
  const sockets = Array.from({ length: 20 }, () => connect(gateway.port, '127.0.0.1').pause());
  for (const socket of sockets) {
    // The second request waits behind the first and must not hold a file either.
    const get = `GET ${target} HTTP/1.1\r\nHost: ${gateway.host}\r\nAuthorization: ${basic('bob')}\r\n\r\n`;
    socket.write(get + get);
  }
  await until(() => openDescriptors(gateway.data) === 20, '20 files open');
  await delay(200);
  const { arrayBuffers } = process.memoryUsage();
  assert.ok(arrayBuffers < 20 * 1024 * 1024 + big.length, `${arrayBuffers} bytes held for 20 slow readers`);
  for (const socket of sockets) socket.destroy();
  await until(() => openDescriptors(gateway.data) === 0, 'all files closed');
  assert.equal(gateway.asked(), 20);
});

test('unlinked while it is being sent, a file arrives whole', async (t) => {
  const big = randomBytes(16 * 1024 * 1024);
  const gateway = await naming(t, { path: name('a1'), range: `0-${big.length - 1}/${big.length}` });
  const path = await storeFile(gateway.data, name('a1'), big);
  const socket = connect(gateway.port, '127.0.0.1');
  socket.write(
    `GET ${target} HTTP/1.1\r\nHost: ${gateway.host}\r\nAuthorization: ${basic('bob')}\r\nConnection: close\r\n\r\n`,
  );
  await once(socket, 'readable');
  await rename(path, `${path}.x`);
  await writeFile(path, 'something else');
  const received = await buffer(socket);
  assert.ok(received.subarray(-big.length).equals(big));
});

test('a broken file is found before a status is sent', async (t) => {
  const gateway = await naming(t, { path: name('a1') });
  await storeFile(gateway.data, name('a1'), bytes.subarray(0, 1000));
  assert.equal((await gateway.get()).status, 500);
  const lines = await raw(
    gateway.port,
    `HEAD ${target} HTTP/1.1\r\nHost: ${gateway.host}\r\nConnection: close\r\n\r\n`,
  );
  assert.match(lines, /^HTTP\/1.1 401 /);
});
