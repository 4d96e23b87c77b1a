import assert from 'node:assert/strict';
import { once } from 'node:events';
import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { connect, type TLSSocket } from 'node:tls';
import { ensureCertificates } from '../../certs/index.ts';
import { callControl } from '../../runtime/control.ts';
import { temporaryDirectory } from '../support/files.ts';
import { request } from '../support/http.ts';
import type { Scope } from '../support/scope.ts';
import { startGateway, type TestGateway, until } from './support.ts';

interface Brought {
  certificate: string;
  key: string;
  /** Brings a new pair by the same authority. */
  renew(): Promise<void>;
  ca: string;
}

/** A pair as a certificate tool leaves it: the server's certificate, then its authority's. */
async function bring(scope: Scope, names: string[]): Promise<Brought> {
  const directory = await temporaryDirectory(scope, 'brought');
  const [certificate, key] = [join(directory, 'fullchain.pem'), join(directory, 'privkey.pem')];
  let ca = '';
  const renew = async () => {
    const own = await temporaryDirectory(scope, 'authority');
    const made = await ensureCertificates({ directory: own, names });
    ca = await readFile(made.caCertificatePath, 'utf8');
    await copyFile(made.keyPath, key);
    await copyFile(made.certificatePath, certificate);
  };
  await renew();
  return {
    certificate,
    key,
    renew,
    get ca() {
      return ca;
    },
  };
}

function startWith(scope: Scope, [first, ...more]: readonly [Brought, ...Brought[]]): Promise<TestGateway> {
  return startGateway(scope, {
    'metrics.listen': '127.0.0.1:0',
    'tls.mode': 'files',
    'tls.certificate': first.certificate,
    'tls.key': first.key,
    'tls.pairs': JSON.stringify(more.map(({ certificate, key }) => ({ certificate, key }))),
  });
}

async function shake(port: number, servername: string | undefined): Promise<TLSSocket> {
  const name = servername === undefined ? {} : { servername };
  const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false, ...name });
  await once(socket, 'secureConnect');
  return socket;
}

async function served(port: number, servername?: string): Promise<string> {
  const socket = await shake(port, servername);
  const { subjectaltname = '' } = socket.getPeerCertificate();
  socket.destroy();
  return subjectaltname;
}

test('the name that a client asks for chooses the pair: exact, then wildcard, then the first', async (t) => {
  const gateway = await startWith(t, [
    await bring(t, ['first.example.test', '127.0.0.1']),
    await bring(t, ['*.apps.example.test']),
    await bring(t, ['special.apps.example.test', 'third.example.test']),
  ]);
  const first = 'DNS:first.example.test, IP Address:127.0.0.1';
  const wildcard = 'DNS:*.apps.example.test';
  const third = 'DNS:special.apps.example.test, DNS:third.example.test';
  for (const [name, expected] of [
    ['first.example.test', first],
    ['shop.apps.example.test', wildcard],
    ['SHOP.Apps.Example.Test', wildcard],
    ['special.apps.example.test', third],
    ['third.example.test', third],
    ['a.b.apps.example.test', first],
    ['apps.example.test', first],
    ['unknown.example', first],
    [undefined, first],
  ] as const) {
    assert.equal(await served(gateway.port, name), expected, `asked for ${name}`);
  }
});

test('each pair is taken over by itself; a bad new one keeps the good one; log, status and metrics say so', async (t) => {
  const [first, second] = [await bring(t, ['a.example.test']), await bring(t, ['b.example.test'])];
  const gateway = await startWith(t, [first, second]);
  const fingerprint = async (name: string) => {
    const socket = await shake(gateway.port, name);
    const { fingerprint256 } = socket.getPeerX509Certificate()!;
    socket.destroy();
    return fingerprint256;
  };
  const status = async () =>
    // biome-ignore lint/suspicious/noExplicitAny: an answer of any shape
    (await callControl(join(gateway.data, 'run', 'gateway.sock'), 'GET', '/status')) as any;
  const faults = async () => {
    const { text } = await request((await status()).metrics.url.replace(/\/metrics$/, ''), {
      path: '/metrics',
    });
    return text.match(/^gatehouse_certificate_pair_fault\{.*$/gm);
  };
  const faultOf = (name: string, value: number) =>
    `gatehouse_certificate_pair_fault{server_name="${name}",source="files"} ${value}`;
  const [a, b] = [await fingerprint('a.example.test'), await fingerprint('b.example.test')];
  await copyFile(first.key, second.key);
  await until(async () => (await status()).certificates[1].fault !== null, 'the fault is seen');
  const { certificates } = await status();
  assert.match(certificates[1].fault, /privkey\.pem does not belong to the first certificate/);
  assert.equal(certificates[0].fault, null);
  assert.deepEqual(await faults(), [faultOf('a.example.test', 0), faultOf('b.example.test', 1)]);
  assert.deepEqual(certificates[1].names, ['b.example.test']);
  assert.equal(gateway.log.filter(({ message }) => /the old one stays/.test(message)).length, 1);
  assert.equal(await fingerprint('b.example.test'), b);
  await second.renew();
  await until(async () => (await fingerprint('b.example.test')) !== b, 'the new pair is served');
  assert.equal((await status()).certificates[1].fault, null);
  assert.deepEqual(await faults(), [faultOf('a.example.test', 0), faultOf('b.example.test', 0)]);
  assert.equal(await fingerprint('a.example.test'), a);
  await first.renew();
  await until(async () => (await fingerprint('a.example.test')) !== a, 'the default pair too');
  const answer = await request(`https://localhost:${gateway.port}`, {
    path: '/healthz',
    ca: first.ca,
    headers: { host: 'localhost' },
  }).catch((error) => error.code);
  assert.equal(answer, 'ERR_TLS_CERT_ALTNAME_INVALID');
});

test('a pair that cannot be served stops the start, with what to do', async (t) => {
  const [first, second] = [await bring(t, ['a.example.test']), await bring(t, ['b.example.test'])];
  await copyFile(first.key, second.key);
  await assert.rejects(startWith(t, [first, second]), { code: 'KEY_MISMATCH' });
  await writeFile(second.certificate, 'nonsense');
  await assert.rejects(startWith(t, [first, second]), { code: 'CERTIFICATE_UNREADABLE' });
});

test('a faulty list of pairs is told by its place', async (t) => {
  const start = (pairs: string) => startGateway(t, { 'tls.mode': 'files', 'tls.pairs': pairs });
  await assert.rejects(start('nonsense'), /tls.pairs: "nonsense" — expected a list of maps/);
  await assert.rejects(
    start('[{"certificate": "a"}]'),
    /tls.pairs\[0\]: .* — expected a map with certificate and key/,
  );
  await assert.rejects(start('[{"certificate": "a", "key": "b", "kee": 1}]'), /tls.pairs\[0\]/);
});
