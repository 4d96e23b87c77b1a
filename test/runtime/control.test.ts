import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createSocketServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { OciError } from '../../oci/errors.ts';
import { type ControlHandlers, callControl, listenOnSocket, serveControl } from '../../runtime/control.ts';
import { shortSocketPath } from '../../runtime/socket-path.ts';
import { temporaryDirectory } from '../support/files.ts';
import { request } from '../support/http.ts';
import { onEnd, type Scope } from '../support/scope.ts';
import { memoryLog, moduleUrl, runScript } from './support.ts';

async function longDirectory(scope: Scope, bytes: number): Promise<string> {
  const base = await temporaryDirectory(scope, 'socket');
  const directory = join(base, 'd'.repeat(bytes - Buffer.byteLength(base) - 1));
  mkdirSync(directory);
  assert.equal(Buffer.byteLength(directory), bytes);
  return directory;
}

async function control(scope: Scope, path: string, handlers: ControlHandlers) {
  const log = memoryLog();
  const server = await serveControl(path, handlers, log);
  onEnd(scope, () => server.close());
  return { log, server };
}

const openDescriptors = () => readdirSync('/proc/self/fd').length;

test('questions and orders with JSON in and out', async (t) => {
  const path = join(await temporaryDirectory(t), 'c.sock');
  await control(t, path, {
    'GET /status': () => ({ ok: true }),
    'POST /echo': async (input) => ({ input }),
    'POST /silent': () => undefined,
  });
  assert.deepEqual(await callControl(path, 'GET', '/status'), { ok: true });
  assert.deepEqual(await callControl(path, 'POST', '/echo', { text: 'ä', list: [1] }), {
    input: { text: 'ä', list: [1] },
  });
  assert.deepEqual(await callControl(path, 'POST', '/echo'), {});
  assert.deepEqual(await callControl(path, 'POST', '/silent', 1), {});
});

test('a refusal comes back as its message; what nobody expected says nothing of itself', async (t) => {
  const path = join(await temporaryDirectory(t), 'c.sock');
  const { log } = await control(t, path, {
    'POST /refuse': () => {
      throw new OciError('UNAVAILABLE', { message: 'a collection is running' });
    },
    'POST /break': () => {
      throw new Error('the secret path');
    },
  });
  await assert.rejects(callControl(path, 'POST', '/refuse'), { message: 'a collection is running' });
  await assert.rejects(callControl(path, 'POST', '/break'), { message: 'internal error' });
  assert.match(String(log.lines[0]?.fields['error']), /the secret path/);
  for (const target of ['/none', '/refuse?x', '/toString']) {
    await assert.rejects(callControl(path, 'GET', target), { message: 'no such path' });
  }
});

test('nobody there is undefined: no socket, no directory, a socket that a killed process left', async (t) => {
  const directory = await temporaryDirectory(t);
  assert.equal(await callControl(join(directory, 'none.sock'), 'GET', '/'), undefined);
  assert.equal(await callControl(join(directory, 'none', 'x.sock'), 'GET', '/'), undefined);
  assert.equal(await callControl(join(directory, 'd'.repeat(200), 'x.sock'), 'GET', '/'), undefined);
  const path = join(directory, 'left.sock');
  const source = `import { createServer } from 'node:net';
    createServer().listen(process.argv[2], () => process.send('up'));`;
  const script = await runScript(t, source, [path]);
  await script.message();
  script.process.kill('SIGKILL');
  await script.exit();
  assert.equal(existsSync(path), true);
  assert.equal(await callControl(path, 'GET', '/'), undefined);
  await control(t, path, { 'GET /': () => ({ heir: true }) });
  assert.deepEqual(await callControl(path, 'GET', '/'), { heir: true });
});

test('a process that goes away in the middle is an error, not a nobody', async (t) => {
  const path = join(await temporaryDirectory(t), 'c.sock');
  const server = createSocketServer((socket) => socket.destroy()).listen(path);
  await once(server, 'listening');
  onEnd(t, () => server.close());
  await assert.rejects(callControl(path, 'GET', '/'), { code: /ECONNRESET|EPIPE/ });
});

test('closing cuts who is still connected, and takes the socket away', async (t) => {
  const path = join(await temporaryDirectory(t), 'c.sock');
  const entered = Promise.withResolvers<void>();
  const handler = () => {
    entered.resolve();
    return new Promise(() => {});
  };
  const server = await serveControl(path, { 'POST /wait': handler }, memoryLog());
  const call = assert.rejects(callControl(path, 'POST', '/wait'), { code: 'ECONNRESET' });
  await entered.promise;
  await server.close();
  await call;
  assert.equal(existsSync(path), false);
});

for (const bytes of [90, 103, 104, 108, 150, 200, 255]) {
  test(`a socket in a directory with a path of ${bytes} bytes`, async (t) => {
    const directory = await longDirectory(t, bytes);
    const path = join(directory, 'core.sock');
    const before = openDescriptors();
    const server = createServer((_, response) => response.end('here'));
    await listenOnSocket(server, path);
    const short = shortSocketPath(path);
    const answer = await request({ origin: 'http://core', socketPath: short.path });
    short.close();
    assert.equal(answer.text, 'here');
    assert.deepEqual(readdirSync(directory), ['core.sock']);
    server.close();
    await once(server, 'close');
    assert.deepEqual(readdirSync(directory), []);
    assert.ok(openDescriptors() <= before + 1, 'a descriptor of the directory was left open');
  });
}

test('a control socket in a directory of 200 bytes, from another process', async (t) => {
  const path = join(await longDirectory(t, 200), 'c.sock');
  await control(t, path, { 'GET /status': () => ({ ok: true }) });
  const source = `import { callControl } from '${moduleUrl('control.ts')}';
    process.send(await callControl(process.argv[2], 'GET', '/status'), () => process.disconnect());`;
  const script = await runScript(t, source, [path]);
  assert.deepEqual(await script.message(), { ok: true });
});

test('a short path is used as it is', () => {
  const path = `/${'x'.repeat(102)}`;
  assert.equal(shortSocketPath(path).path, path);
});

test('a socket that cannot be bound is an error', async (t) => {
  const directory = await temporaryDirectory(t);
  await assert.rejects(listenOnSocket(createServer(), join(directory, 'none', 'c.sock')), {
    code: /ENOENT|EACCES/,
  });
  writeFileSync(join(directory, 'file'), '');
  symlinkSync(join(directory, 'file'), join(directory, 'link.sock'));
  const server = createServer();
  await listenOnSocket(server, join(directory, 'link.sock'));
  onEnd(t, () => server.close());
  assert.ok(existsSync(join(directory, 'file')), 'the link is replaced, not followed');
});
