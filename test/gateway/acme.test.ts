import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { connect } from 'node:tls';
import { AcmeChallenges } from '../../gateway/tls/acme-challenges.ts';
import { AcmeKeeper } from '../../gateway/tls/acme-keeper.ts';
import { callControl } from '../../runtime/control.ts';
import { temporaryDirectory } from '../support/files.ts';
import { request } from '../support/http.ts';
import { missingPebble, startPebble } from '../support/pebble.ts';
import { freePort } from '../support/ports.ts';
import { onEnd } from '../support/scope.ts';
import { startGateway, type TestGateway, until } from './support.ts';

const skip = missingPebble();
const name = 'registry.example.test';

// biome-ignore lint/suspicious/noExplicitAny: an answer of any shape
const status = async (gateway: TestGateway): Promise<any> =>
  callControl(join(gateway.data, 'run', 'gateway.sock'), 'GET', '/status');

/** The certificate that is served for a name, verified where a root is given. */
async function served(port: number, servername: string, ca?: string) {
  const trust = ca === undefined ? { rejectUnauthorized: false } : { ca };
  const socket = connect({ host: '127.0.0.1', port, servername, ...trust });
  await once(socket, 'secureConnect');
  const { issuer, fingerprint256, subjectAltName } = socket.getPeerX509Certificate()!;
  socket.destroy();
  return { issuer, fingerprint256, names: subjectAltName };
}

for (const challenge of ['tls-alpn-01', 'http-01'] as const) {
  test(`${challenge}: the first certificate, and the own one for all other names`, { skip }, async (t) => {
    const [port, httpPort] = [await freePort(), await freePort()];
    // Of the two ports that it looks at, nobody answers the other one.
    const ports = { 'tls-alpn-01': { tlsPort: port, httpPort: 0 }, 'http-01': { tlsPort: 0, httpPort } }[
      challenge
    ];
    const pebble = await startPebble(t, ports);
    const gateway = await startGateway(t, {
      'tls.mode': 'acme',
      'tls.acme.directory': pebble.directoryUrl,
      'tls.acme.ca': pebble.rootPath,
      'tls.acme.email': 'ops@example.test',
      'tls.acme.challenge': challenge,
      hostname: `${name}, second.example.test, 192.0.2.7`,
      port: `${port}`,
      'http.port': `${httpPort}`,
    });
    assert.match((await served(port, name)).issuer, /Gatehouse CA|Pebble/);
    await until(
      async () => /Pebble/.test((await served(port, name)).issuer),
      'it serves the certificate',
      20_000,
    );
    const root = await pebble.issuerRoot();
    for (const each of [name, 'second.example.test']) {
      assert.deepEqual((await served(port, each, root)).names?.split(', ').sort(), [
        `DNS:${name}`,
        'DNS:second.example.test',
      ]);
    }
    const own = readFileSync(join(gateway.data, 'certs', 'ca.crt'), 'utf8');
    assert.match((await served(port, 'localhost', own)).issuer, /Gatehouse CA/);
    assert.deepEqual((await status(gateway)).acme.fault, null);
    assert.equal((await status(gateway)).certificates[1].source, 'acme');
    const mode = (file: string) => statSync(join(gateway.data, 'certs', 'acme', file)).mode & 0o777;
    assert.deepEqual([mode('account.key'), mode('server.key')], [0o600, 0o600]);
    const stranger = await request(`http://127.0.0.1:${httpPort}`, {
      path: '/.well-known/acme-challenge/nothing',
    });
    assert.equal(stranger.status, 404);
  });
}

test('renewal by the same account, before the certificate ends', { skip }, async (t) => {
  const port = await freePort();
  const pebble = await startPebble(t, { httpPort: 0, tlsPort: port, validitySeconds: 12 });
  const gateway = await startGateway(t, {
    'tls.mode': 'acme',
    'tls.acme.directory': pebble.directoryUrl,
    'tls.acme.ca': pebble.rootPath,
    hostname: name,
    port: `${port}`,
  });
  const root = () => pebble.issuerRoot();
  await until(async () => /Pebble/.test((await served(port, name)).issuer), 'the first certificate', 20_000);
  const first = await served(port, name, await root());
  const accountKey = readFileSync(join(gateway.data, 'certs', 'acme', 'account.key'), 'utf8');
  const ca = await root();
  // Each handshake is verified: a certificate that has ended would throw here.
  await until(
    async () => (await served(port, name, ca)).fingerprint256 !== first.fingerprint256,
    'another certificate is served',
    20_000,
  );
  assert.equal(readFileSync(join(gateway.data, 'certs', 'acme', 'account.key'), 'utf8'), accountKey);
  const accounts = pebble.output().match(/There are now \d+ accounts in memory/g) ?? [];
  assert.deepEqual([...new Set(accounts)], ['There are now 1 accounts in memory']);
});

test('without an answer the own certificate serves, and it is asked again, later and later', {
  skip,
}, async (t) => {
  const [port, acmePort] = [await freePort(), await freePort()];
  const gateway = await startGateway(t, {
    'tls.mode': 'acme',
    'tls.acme.directory': `https://localhost:${acmePort}/dir`,
    hostname: name,
    port: `${port}`,
  });
  const own = readFileSync(join(gateway.data, 'certs', 'ca.crt'), 'utf8');
  assert.match((await served(port, name, own)).issuer, /Gatehouse CA/);
  await until(async () => (await status(gateway)).acme.failures === 1, 'the failure is told', 20_000);
  const { acme } = await status(gateway);
  assert.ok(acme.fault.length > 0);
  assert.ok(Date.parse(acme.nextAttempt) - Date.now() > 14 * 60_000);
  assert.match((await served(port, name, own)).issuer, /Gatehouse CA/);
  assert.ok(gateway.log.some(({ level, message }) => level === 'error' && /ACME authority/.test(message)));
});

test('a refusal backs off and a success ends it; the account is kept', { skip }, async (t) => {
  const [port, acmePort] = [await freePort(), await freePort()];
  const gateway = await startGateway(t, {
    'tls.mode': 'acme',
    'tls.acme.directory': `https://localhost:${acmePort}/dir`,
    hostname: name,
    port: `${port}`,
  });
  // The authority looks at a port where nobody answers.
  const blind = await startPebble(t, { httpPort: 0, tlsPort: await freePort(), port: acmePort });
  const config = { ...gateway.config, 'tls.acme.ca': blind.rootPath };
  const keeper = new AcmeKeeper(config, silent, { firstMs: 200, maximumMs: 400, resetAfterMs: 0 });
  onEnd(t, () => keeper.close());
  keeper.begin();
  await until(() => keeper.state().failures >= 3, 'three refusals', 30_000);
  assert.match(keeper.state().fault ?? '', /connection refused|Connection refused|127\.0\.0\.1/i);
  const accountKey = join(gateway.data, 'certs', 'acme', 'account.key');
  const before = readFileSync(accountKey, 'utf8');
  await blind.stop();
  const seeing = await startPebble(t, { httpPort: 0, tlsPort: port, port: acmePort });
  writeFileSync(blind.rootPath, readFileSync(seeing.rootPath));
  await until(() => keeper.state().failures === 0, 'the certificate comes', 30_000);
  assert.equal(readFileSync(accountKey, 'utf8'), before);
  await until(async () => /Pebble/.test((await served(port, name)).issuer), 'and is served');
});

const silent = { debug() {}, info() {}, warn() {}, error() {} };

test('what strangers ask for never becomes a path', async (t) => {
  const challenges = new AcmeChallenges(await temporaryDirectory(t, 'challenges'));
  await challenges.put({ type: 'http-01', token: 'abc_-9', keyAuthorization: 'abc.def' });
  assert.equal(await challenges.httpAnswer('abc_-9'), 'abc.def');
  for (const token of ['', '../http-abc', 'a/b', 'a%2fb', 'abc', 'a.b']) {
    assert.equal(await challenges.httpAnswer(token), undefined, token);
  }
  for (const servername of ['', '..', '../x', 'a/../b', 'false']) {
    assert.equal(challenges.alpnPair(servername), undefined, servername);
  }
  await assert.rejects(
    challenges.put({ type: 'http-01', token: '../x', keyAuthorization: '' }),
    /odd challenge/,
  );
});

test('settings that do not go together', async (t) => {
  const start = (settings: object) => startGateway(t, { 'tls.mode': 'acme', ...settings });
  await assert.rejects(start({}), /hostname: "" — expected at least one host name/);
  await assert.rejects(start({ hostname: '192.0.2.1' }), /at least one host name/);
  const http = { hostname: name, 'tls.acme.challenge': 'http-01' };
  await assert.rejects(start(http), /http.port: "0" — expected the port that port 80 leads to/);
});
