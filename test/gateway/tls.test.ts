import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { copyFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { ensureCertificates } from '../../certs/index.ts';
import { openListener } from '../../gateway/listener.ts';
import { loadConfig } from '../../runtime/config.ts';
import { callControl } from '../../runtime/control.ts';
import { temporaryDirectory } from '../support/files.ts';
import { request } from '../support/http.ts';
import { freePort } from '../support/ports.ts';
import { onEnd } from '../support/scope.ts';
import { raw, startGateway, until } from './support.ts';

async function handshake(port: number, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = connect(port, 'localhost', { servername: 'localhost', ...options });
  await once(socket, 'secureConnect');
  return socket;
}

async function fingerprint(port: number, ca: string): Promise<string> {
  const socket = await handshake(port, { ca });
  const { fingerprint256 } = socket.getPeerCertificate();
  socket.destroy();
  return fingerprint256;
}

test('own certificate: TLS 1.2 and 1.3, for the names of the machine, and shown on the control socket', async (t) => {
  const gateway = await startGateway(t, { 'tls.mode': 'own' });
  const ca = readFileSync(join(gateway.data, 'certs', 'ca.crt'), 'utf8');
  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    const socket = await handshake(gateway.port, { ca, minVersion: version, maxVersion: version });
    assert.equal(socket.getProtocol(), version);
    socket.destroy();
  }
  await assert.rejects(handshake(gateway.port, { ca, maxVersion: 'TLSv1.1', minVersion: 'TLSv1.1' }));
  const answer = await request(gateway, { path: '/v2/', ca });
  assert.equal(answer.status, 401);
  assert.match(answer.headers['www-authenticate']!, new RegExp(`realm="https://${gateway.host}/token"`));
  // biome-ignore lint/suspicious/noExplicitAny: an answer of any shape
  const status = (await callControl(join(gateway.data, 'run', 'gateway.sock'), 'GET', '/status')) as any;
  assert.equal(status.pid, process.pid);
  assert.equal(status.addresses[0].port, gateway.port);
  assert.ok(status.certificate.names.includes('localhost'));
  assert.ok(Date.parse(status.certificate.notAfter) > Date.now());
  assert.ok(status.requests.total >= 1);
});

test('brought files: a new pair is taken over, a bad one is not', async (t) => {
  const directory = await temporaryDirectory(t, 'certs');
  const [first, second] = await Promise.all(
    ['a', 'b'].map((name) => ensureCertificates({ directory: join(directory, name), names: ['localhost'] })),
  );
  const files = { certificate: join(directory, 'server.crt'), key: join(directory, 'server.key') };
  const bring = async (pair: typeof first) => {
    await copyFile(pair!.certificatePath, files.certificate);
    await copyFile(pair!.keyPath, files.key);
  };
  await bring(first);
  const settings = {
    'tls.mode': 'files',
    'tls.certificate': files.certificate,
    'tls.key': files.key,
  } as const;
  const gateway = await startGateway(t, settings);
  const ca = [first, second].map((pair) => readFileSync(pair!.caCertificatePath, 'utf8')).join('');
  const kept = await handshake(gateway.port, { ca });
  const before = await fingerprint(gateway.port, ca);
  await writeFile(files.certificate, 'nonsense');
  await gateway.gateway.reload!();
  assert.equal(await fingerprint(gateway.port, ca), before);
  assert.ok(gateway.log.some(({ level, message }) => level === 'error' && /old one stays/.test(message)));
  await bring(second);
  await until(async () => (await fingerprint(gateway.port, ca)) !== before, 'the new pair is served', 4000);
  kept.write(`GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n`);
  const [received] = await once(kept, 'data');
  assert.match(String(received), /^HTTP\/1.1 200 /);
  kept.destroy();
});

test('plain HTTP redirects to HTTPS, for our names only', async (t) => {
  const port = await freePort();
  const gateway = await startGateway(t, { 'tls.mode': 'own', 'http.port': `${port}` });
  const ask = (host: string, path: string) =>
    request(`http://localhost:${port}`, { path, headers: { host } });
  const answer = await ask(`localhost:${port}`, '/v2/a/tags/list?n=1');
  assert.equal(answer.status, 308);
  assert.equal(answer.headers.location, `https://localhost:${gateway.port}/v2/a/tags/list?n=1`);
  assert.equal((await ask('[::1]', '/')).headers.location, `https://[::1]:${gateway.port}/`);
  const foreign = await ask('evil.example', '/');
  assert.deepEqual([foreign.status, foreign.json.errors[0].detail.condition], [421, 'MISDIRECTED']);
  assert.equal((await ask('localhost', 'http://evil.example/')).status, 400);
  assert.match(await raw(port, 'nonsense\r\n\r\n'), /^HTTP\/1.1 4.*URL_INVALID|UNSUPPORTED/s);
});

test('several addresses get the same port', async (t) => {
  const gateway = await startGateway(t, { listen: '127.0.0.1,127.0.0.2,::1' });
  for (const host of ['127.0.0.1', '127.0.0.2', '[::1]']) {
    const answer = await request(`http://${host}:${gateway.port}`, { path: '/healthz' });
    assert.equal(answer.status, 200, host);
  }
  await assert.rejects(request(`http://127.0.0.3:${gateway.port}`, { path: '/healthz' }));
});

test('a port in use is waited for, then explained', async (t) => {
  const blocker = createServer().listen(0);
  await once(blocker, 'listening');
  onEnd(t, () => blocker.close());
  const { port } = blocker.address() as { port: number };
  await assert.rejects(startGateway(t, { port: `${port}` }), /port .* is in use .* GATEHOUSE_PORT/);
  // By then it waits: until here it takes a third of that.
  setTimeout(() => blocker.close(), 1500);
  const gateway = await startGateway(t, { port: `${port}` });
  assert.equal(gateway.port, port);
});

test('an address that is not ours is explained', async () => {
  const log = { debug() {}, info() {}, warn() {}, error() {} };
  const timeouts = loadConfig({ environment: {} }).config;
  const opening = openListener(() => {}, {
    addresses: ['192.0.2.1'],
    port: 0,
    setting: 'port',
    timeouts,
    log,
  });
  await assert.rejects(opening, /192.0.2.1 is no address of this machine/);
});
