import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { connect, type TLSSocket } from 'node:tls';
import { ensureCertificates } from '../../certs/index.ts';
import { ExpiryWarnings } from '../../gateway/tls/expiry.ts';
import { untilRenewal } from '../../gateway/tls/own-certificate.ts';
import { ServedPair } from '../../gateway/tls/served-pair.ts';
import { serveTicketKeys, TicketKey } from '../../gateway/tls/ticket-keys.ts';
import { openDirectChannel } from '../../gateway/workers/direct.ts';
import { temporaryDirectory } from '../support/files.ts';
import { request } from '../support/http.ts';
import { onEnd } from '../support/scope.ts';
import { type LogLine, startGateway, until } from './support.ts';

const day = 86_400_000;

async function shake(port: number, options: object): Promise<TLSSocket> {
  const socket = connect({ host: 'localhost', port, servername: 'localhost', ...options });
  await once(socket, 'secureConnect');
  return socket;
}

test('an own certificate is renewed while the gateway runs, before it ends', async (t) => {
  const gateway = await startGateway(t, { 'tls.mode': 'own', 'tls.lifetime': '10s' });
  const ca = readFileSync(join(gateway.data, 'certs', 'ca.crt'), 'utf8');
  const served = async () => {
    const socket = await shake(gateway.port, { ca });
    const { fingerprint256, validToDate } = socket.getPeerX509Certificate()!;
    socket.destroy();
    return { fingerprint256, endsAt: validToDate.getTime() };
  };
  const first = await served();
  let current = first;
  // Each handshake is verified: an ended certificate would throw here.
  await until(
    async () => {
      current = await served();
      return current.fingerprint256 !== first.fingerprint256;
    },
    'another certificate is served',
    15_000,
  );
  assert.ok(current.endsAt > first.endsAt);
  assert.equal(readFileSync(join(gateway.data, 'certs', 'ca.crt'), 'utf8'), ca);
});

test('the wait for a renewal ends when it is due, and retries do not hammer', () => {
  const now = Date.now();
  assert.equal(untilRenewal(now + 5000, now + 20_000, now), 6000);
  assert.equal(untilRenewal(now + 300 * day, now + 330 * day, now), day / 2);
  assert.equal(untilRenewal(now - 1, now + 30 * day, now), day / 2);
  assert.equal(untilRenewal(now - 1, now + day, now), day / 10);
  assert.equal(untilRenewal(now - 1, now - 5, now), 60_000);
});

test('expiry is warned of 30, 7 and 1 days ahead, once each', async (t) => {
  const directory = await temporaryDirectory(t, 'certs');
  const lifetimeMs = 40 * day;
  const paths = await ensureCertificates({ directory, names: ['a.example.test'], lifetimeMs });
  const lines: LogLine[] = [];
  const write =
    (level: string) =>
    (message: string, fields = {}) =>
      void lines.push({ level, message, fields });
  const log = { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') };
  const pair = await ServedPair.open({ paths, source: 'files', log, onChange() {} });
  onEnd(t, () => pair.close());
  const begin = Date.now();
  const warningsAfter = (check: () => void) => {
    lines.length = 0;
    check();
    return lines.map(({ message, fields }) => [message, fields.daysLeft]);
  };
  let now = begin;
  const warnings = new ExpiryWarnings(log, () => now);
  const at = (days: number) => {
    now = begin + days * day;
    return warningsAfter(() => warnings.check([pair]));
  };
  const soon = 'a certificate ends soon';
  assert.deepEqual(at(9), []);
  assert.deepEqual(at(10.5), [[soon, 29]]);
  assert.deepEqual(at(20), []);
  assert.deepEqual(at(33.5), [[soon, 6]]);
  assert.deepEqual(at(38), []);
  assert.deepEqual(at(39.5), [[soon, 0]]);
  assert.deepEqual(at(41), []);
  // A start close to the end says it once, not three times.
  const late = new ExpiryWarnings(log, () => begin + 39.5 * day);
  assert.deepEqual(
    warningsAfter(() => late.check([pair])),
    [[soon, 0]],
  );
});

for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
  test(`${version}: a session is resumed, and no longer when the ticket key has changed`, async (t) => {
    const gateway = await startGateway(t, { 'tls.mode': 'own' });
    const ca = readFileSync(join(gateway.data, 'certs', 'ca.crt'), 'utf8');
    const options = { ca, minVersion: version, maxVersion: version };
    const first = await shake(gateway.port, options);
    const session = version === 'TLSv1.3' ? (await once(first, 'session'))[0] : first.getSession();
    const resumed = await shake(gateway.port, { ...options, session });
    assert.equal(resumed.isSessionReused(), true);
    first.destroy();
    resumed.destroy();
    const other = await startGateway(t, { 'tls.mode': 'own', data: gateway.data });
    const elsewhere = await shake(other.port, { ...options, session });
    assert.equal(elsewhere.isSessionReused(), false);
    elsewhere.destroy();
  });
}

test('one ticket key for all workers, changed with time and on demand', async () => {
  const { channel, hub } = openDirectChannel({ debug() {}, info() {}, warn() {}, error() {} });
  const served = serveTicketKeys(hub, 20);
  const seen: Buffer[] = [];
  const key = await TicketKey.open(channel, (changed) => seen.push(changed));
  const first = key.current;
  await until(() => seen.length >= 2, 'the key changes by itself');
  served.close();
  seen.length = 0;
  key.rotate();
  // At once with a key of its own, then with that of all.
  assert.equal(seen.length, 2);
  const all = [first, ...seen];
  for (const each of all) assert.equal(each.length, 48);
  assert.equal(new Set(all.map((each) => each.toString('hex'))).size, 3);
  assert.equal(key.current, seen[1]);
});

test('HSTS is sent where it is wanted, and over HTTPS only', async (t) => {
  const header = 'strict-transport-security';
  const secure = await startGateway(t, { 'tls.mode': 'own', 'tls.hsts': '365d' });
  const ca = readFileSync(join(secure.data, 'certs', 'ca.crt'), 'utf8');
  assert.equal((await request(secure, { ca, path: '/v2/' })).headers[header], 'max-age=31536000');
  const without = await startGateway(t, { 'tls.mode': 'own' });
  const otherCa = readFileSync(join(without.data, 'certs', 'ca.crt'), 'utf8');
  assert.equal((await request(without, { ca: otherCa, path: '/v2/' })).headers[header], undefined);
  const plain = await startGateway(t, { 'tls.mode': 'off', 'tls.hsts': '365d' });
  assert.equal((await request(plain, { path: '/v2/' })).headers[header], undefined);
});

test('what is weaker than forward secrecy with authenticated encryption is not offered', async (t) => {
  const gateway = await startGateway(t, { 'tls.mode': 'own', 'tls.key_type': 'rsa' });
  const ca = readFileSync(join(gateway.data, 'certs', 'ca.crt'), 'utf8');
  const offer = (ciphers: string) => shake(gateway.port, { ca, ciphers, maxVersion: 'TLSv1.2' });
  for (const weak of ['AES128-GCM-SHA256', 'ECDHE-RSA-AES128-SHA', 'DHE-RSA-AES128-GCM-SHA256']) {
    await assert.rejects(offer(weak), { code: /HANDSHAKE_FAILURE/ }, weak);
  }
  const good = await offer('ECDHE-RSA-AES256-GCM-SHA384');
  assert.equal(good.getCipher().name, 'ECDHE-RSA-AES256-GCM-SHA384');
  good.destroy();
});

test('a client cannot ask for another handshake on its connection', async (t) => {
  const gateway = await startGateway(t, { 'tls.mode': 'own' });
  const ca = readFileSync(join(gateway.data, 'certs', 'ca.crt'), 'utf8');
  const socket = await shake(gateway.port, { ca, maxVersion: 'TLSv1.2' });
  const outcome = new Promise((resolve) => {
    socket.once('error', resolve);
    socket.renegotiate({ rejectUnauthorized: false }, resolve);
  });
  assert.match(String(await outcome), /no[ _]renegotiation/i);
  socket.destroy();
});
