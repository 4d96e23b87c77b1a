import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import { type AddressInfo, isIP } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { connect, type TLSSocket } from 'node:tls';
import { promisify } from 'node:util';
import { ensureCertificates, loadKeyPair } from '../../certs/index.ts';
import { signServer } from '../../certs/sign.ts';
import { temporaryDirectory } from '../support/files.ts';
import { fileScope } from '../support/scope.ts';
import { missingTool } from '../support/tools.ts';
import { NAMES, openssl } from './support.ts';

const ALL_NAMES = [...NAMES, 'my_box', '*.apps.example.test', '192.0.2.7', '2001:db8::1:0:0:7'];
/** As openssl writes them. */
const PERMITTED = [
  'DNS:localhost',
  'IP:127.0.0.1/255.255.255.255',
  'IP:0:0:0:0:0:0:0:1/FFFF:FFFF:FFFF:FFFF:FFFF:FFFF:FFFF:FFFF',
  'DNS:registry.example.test',
  'DNS:my_box',
  'DNS:apps.example.test',
  'IP:192.0.2.7/255.255.255.255',
  'IP:2001:DB8:0:0:1:0:0:7/FFFF:FFFF:FFFF:FFFF:FFFF:FFFF:FFFF:FFFF',
];
const directory = await temporaryDirectory(fileScope, 'certs');
await ensureCertificates({ directory, names: ALL_NAMES });

const file = (name: string) => join(directory, name);

for (const keyType of ['ecdsa', 'rsa'] as const) {
  const skip = missingTool('openssl');

  test(`${keyType}: openssl verifies the server certificate, strictly, for every name`, {
    skip,
  }, async (t) => {
    const own = await temporaryDirectory(t, 'certs');
    await ensureCertificates({ directory: own, names: ALL_NAMES, keyType });
    const at = (name: string) => join(own, name);
    for (const name of ALL_NAMES) {
      const asked = name.replace('*', 'shop');
      const check = isIP(name) ? ['-verify_ip', asked] : ['-verify_hostname', asked];
      const args = ['-x509_strict', '-purpose', 'sslserver', '-CAfile', at('ca.crt'), ...check];
      assert.match(openssl('verify', ...args, at('server.crt')), /: OK/, name);
    }
    const foreign = ['-CAfile', at('ca.crt'), '-verify_hostname', 'other.example.test', at('server.crt')];
    assert.throws(() => openssl('verify', ...foreign));
  });

  test(`${keyType}: openssl reads the extensions that RFC 5280 asks for`, { skip }, async (t) => {
    const own = await temporaryDirectory(t, 'certs');
    await ensureCertificates({ directory: own, names: ALL_NAMES, keyType });
    const authority = openssl('x509', '-in', join(own, 'ca.crt'), '-noout', '-text');
    assert.match(authority, /Basic Constraints: critical\s+CA:TRUE, pathlen:0\n/);
    assert.match(authority, /Key Usage: critical\s+Certificate Sign, CRL Sign\n/);
    assert.match(authority, /Extended Key Usage:\s+TLS Web Server Authentication\n/);
    const limits = /Name Constraints: critical\s+Permitted:\n((?: {18}.*\n)+)/.exec(authority)?.[1] ?? '';
    assert.deepEqual(limits.trim().split(/\s+/), PERMITTED);
    const server = openssl('x509', '-in', join(own, 'server.crt'), '-noout', '-text');
    assert.match(server, /Basic Constraints: critical\s+CA:FALSE\n/);
    const uses = { ecdsa: 'Digital Signature', rsa: 'Digital Signature, Key Encipherment' }[keyType];
    assert.match(server, new RegExp(`Key Usage: critical\\s+${uses}\\n`));
    assert.match(server, /Extended Key Usage:\s+TLS Web Server Authentication\n/);
    const subjectKey = /Subject Key Identifier:\s+(\S+)/.exec(authority)?.[1];
    assert.equal(/Authority Key Identifier:\s+(?:keyid:)?(\S+)/.exec(server)?.[1], subjectKey);
    const forms = {
      ecdsa: [/Signature Algorithm: ecdsa-with-SHA256/, /ASN1 OID: prime256v1/],
      rsa: [/Signature Algorithm: sha256WithRSAEncryption/, /Public-Key: \(2048 bit\)/],
    }[keyType];
    for (const text of [authority, server]) {
      for (const form of forms) assert.match(text, form);
      // Positive, 16 bytes, no leading zero: Go refuses negative serials.
      assert.match(text, /Serial Number:\s+[4-7][0-9a-f](:[0-9a-f]{2}){15}\n/);
    }
  });
}

test('openssl refuses what the authority may not issue for', { skip: missingTool('openssl') }, async (t) => {
  const own = await temporaryDirectory(t, 'certs');
  const [certificatePem, keyPem] = await Promise.all(
    ['ca.crt', 'ca.key'].map((name) => readFile(file(name), 'utf8')),
  );
  const issue = async (name: string) => {
    const { validFromDate: notBefore, validToDate: notAfter } = new X509Certificate(certificatePem!);
    const authority = { certificatePem: certificatePem!, keyPem: keyPem! };
    const key = await readFile(file('server.key'), 'utf8');
    const path = join(own, 'issued.crt');
    await writeFile(path, signServer(key, 'test', [name], { notBefore, notAfter }, authority));
    return () => openssl('verify', '-CAfile', file('ca.crt'), path);
  };
  for (const name of ['below.registry.example.test', '*.registry.example.test', '192.0.2.7']) {
    assert.match((await issue(name))(), /: OK/, name);
  }
  for (const name of [
    'example.test',
    'xregistry.example.test',
    '192.0.2.8',
    '2001:db8::8',
    '*.example.test',
  ]) {
    assert.throws(await issue(name), /permitted subtree violation/, name);
  }
});

for (const [permitted, refused] of [
  ['registry.example.test', ['192.0.2.7', '2001:db8::7']],
  ['192.0.2.7', ['registry.example.test', '2001:db8::7']],
] as const) {
  test(`an authority for ${permitted} alone issues for no other kind of name`, {
    skip: missingTool('openssl'),
  }, async (t) => {
    const own = await temporaryDirectory(t, 'certs');
    const ensured = await ensureCertificates({ directory: own, names: [permitted, ...refused].slice(0, 1) });
    assert.match(openssl('verify', '-CAfile', join(own, 'ca.crt'), ensured.certificatePath), /: OK/);
    const [certificatePem, keyPem, key] = await Promise.all(
      ['ca.crt', 'ca.key', 'server.key'].map((name) => readFile(join(own, name), 'utf8')),
    );
    const { validFromDate: notBefore, validToDate: notAfter } = new X509Certificate(certificatePem!);
    const authority = { certificatePem: certificatePem!, keyPem: keyPem! };
    for (const name of refused) {
      const path = join(own, 'issued.crt');
      await writeFile(path, signServer(key!, 'test', [name], { notBefore, notAfter }, authority));
      assert.throws(() => openssl('verify', '-CAfile', join(own, 'ca.crt'), path), /subtree violation/, name);
    }
    const more = await ensureCertificates({ directory: own, names: [permitted, ...refused] });
    assert.deepEqual(more.unpermitted, refused);
  });
}

/** An HTTPS server on that address with the pair from disk; undefined where the system has no such address. */
async function serve(address: string) {
  const pair = await loadKeyPair({ certificatePath: file('server.crt'), keyPath: file('server.key') });
  const server = createServer(pair, (_request, response) => response.end('hello'));
  server.listen(0, address);
  try {
    await once(server, 'listening');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRNOTAVAIL') return undefined;
    throw error;
  }
  return server;
}

for (const [name, address] of [
  ['localhost', '127.0.0.1'],
  ['127.0.0.1', '127.0.0.1'],
  ['::1', '::1'],
  ['registry.example.test', '127.0.0.1'],
] as const) {
  test(`a TLS client that trusts the authority reaches ${name}`, async (t) => {
    const server = await serve(address);
    if (!server) return t.skip(`this machine has no ${address}`);
    t.after(() => server.close());
    const { port } = server.address() as AddressInfo;
    const ca = await readFile(file('ca.crt'));
    const shake = async (servername: string, options: object): Promise<TLSSocket> => {
      const sni = isIP(servername) ? {} : { servername };
      const socket = connect({ host: address, port, ...sni, ...options });
      t.after(() => socket.destroy());
      await once(socket, 'secureConnect');
      return socket;
    };
    for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
      const socket = await shake(name, { ca, minVersion: version, maxVersion: version });
      assert.equal(socket.authorized, true);
      assert.equal(socket.getProtocol(), version);
    }
    await assert.rejects(shake('other.example.test', { ca }), { code: 'ERR_TLS_CERT_ALTNAME_INVALID' });
    await assert.rejects(shake(name, {}), { code: 'SELF_SIGNED_CERT_IN_CHAIN' });
  });
}

test('curl reaches every name with --cacert', { skip: missingTool('curl') }, async (t) => {
  const server = await serve('127.0.0.1');
  if (!server) return t.skip('this machine has no 127.0.0.1');
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  for (const name of ['localhost', '127.0.0.1', 'registry.example.test']) {
    const url = `https://${name}:${port}/`;
    const resolve = ['--resolve', `${name}:${port}:127.0.0.1`];
    const plain = ['--disable', '--silent', '--show-error', '--noproxy', '*'];
    const args = [...plain, '--cacert', file('ca.crt'), ...resolve, url];
    assert.equal((await promisify(execFile)('curl', args)).stdout, 'hello');
  }
});
