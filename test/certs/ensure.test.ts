import assert from 'node:assert/strict';
import { rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { describeCertificate, ensureCertificates, renewServerCertificate } from '../../certs/index.ts';
import { temporaryDirectory } from '../support/files.ts';
import { assertSound, DAY, established, failsWith, NAMES, readCertificate, snapshot } from './support.ts';

test('the first start makes an authority and a server certificate', async (t) => {
  const directory = join(await temporaryDirectory(t), 'data', 'certs');
  const ensured = await ensureCertificates({ directory, names: NAMES });
  assert.equal(ensured.created, true);
  assert.equal(ensured.reissued, false);
  assert.equal(ensured.caCertificatePath, join(directory, 'ca.crt'));
  assert.equal(ensured.certificatePath, join(directory, 'server.crt'));
  assert.equal(ensured.keyPath, join(directory, 'server.key'));
  await assertSound(directory);
  const server = await describeCertificate(ensured.certificatePath);
  assert.deepEqual(server.names, NAMES);
  assert.equal(Date.parse(server.notAfter) - Date.parse(server.notBefore), 397 * DAY);
  const authority = await describeCertificate(ensured.caCertificatePath);
  assert.match(authority.subject, /^CN=Gatehouse CA \S+ [0-9a-f]{8}$/);
  assert.equal(server.issuer, authority.subject);
  assert.equal(Date.parse(authority.notAfter) - Date.parse(authority.notBefore), 3652 * DAY);
});

test('keys and their directory are for the owner alone', async (t) => {
  const directory = await established(t);
  const mode = async (path: string) => ((await stat(path)).mode & 0o777).toString(8);
  assert.equal(await mode(directory), '700');
  assert.equal(await mode(join(directory, 'ca.key')), '600');
  assert.equal(await mode(join(directory, 'server.key')), '600');
});

test('starting again changes nothing, with fewer names too', async (t) => {
  const directory = await established(t);
  const before = await snapshot(directory);
  for (const names of [NAMES, [...NAMES].reverse(), ['LOCALHOST', '0:0:0:0:0:0:0:1']]) {
    const ensured = await ensureCertificates({ directory, names });
    assert.deepEqual([ensured.created, ensured.reissued, ensured.reason], [false, false, undefined]);
  }
  assert.deepEqual(await snapshot(directory), before);
});

test('a new name is issued by the same authority, for the same key', async (t) => {
  const directory = await established(t);
  const before = await snapshot(directory);
  const names = [...NAMES, 'new.registry.example.test'];
  const ensured = await ensureCertificates({ directory, names });
  assert.deepEqual([ensured.created, ensured.reissued, ensured.reason], [false, true, 'names']);
  const after = await snapshot(directory);
  assert.deepEqual({ ...after, 'server.crt': '' }, { ...before, 'server.crt': '' });
  assert.deepEqual((await describeCertificate(after['server.crt']!)).names, names);
  await assertSound(directory);
});

test('a name that the authority was not made for is left out and told', async (t) => {
  const directory = await established(t);
  const before = await snapshot(directory);
  const foreign = ['other.example.test', '192.0.2.9', 'new.registry.example.test'];
  const { reissued, unpermitted } = await ensureCertificates({ directory, names: [...NAMES, ...foreign] });
  assert.equal(reissued, true);
  assert.deepEqual(unpermitted, foreign.slice(0, 2));
  const after = await snapshot(directory);
  assert.equal(after['ca.crt'], before['ca.crt']);
  assert.deepEqual((await describeCertificate(after['server.crt']!)).names, [...NAMES, foreign[2]]);
  const renewed = await renewServerCertificate({ directory, names: foreign });
  assert.deepEqual(renewed.unpermitted, foreign.slice(0, 2));
  await assertSound(directory);
});

test('a short life is renewed when a third of it is left', async (t) => {
  const directory = join(await temporaryDirectory(t), 'certs');
  const lifetimeMs = 30_000;
  const begin = Date.now();
  const at = (ms: number) => ({ directory, names: NAMES, lifetimeMs, now: new Date(begin + ms) });
  assert.equal((await ensureCertificates(at(0))).created, true);
  assert.equal((await ensureCertificates(at(18_000))).reissued, false);
  const renewed = await ensureCertificates(at(21_000));
  assert.deepEqual([renewed.reissued, renewed.reason], [true, 'ends-soon']);
  assert.ok((await readCertificate(directory)).validToDate.getTime() >= begin + 50_000);
  await assertSound(directory);
});

for (const [reason, daysLater, reissued] of [
  [undefined, 365, false],
  ['ends-soon', 367, true],
  ['expired', 397, true],
] as const) {
  test(`${daysLater} days later the certificate is ${reissued ? `issued again (${reason})` : 'left'}`, async (t) => {
    const directory = await established(t);
    const now = new Date(Date.now() + daysLater * DAY);
    const ensured = await ensureCertificates({ directory, names: NAMES, now });
    assert.deepEqual([ensured.created, ensured.reissued, ensured.reason], [false, reissued, reason]);
    assert.ok((await describeCertificate(ensured.certificatePath, now)).daysLeft >= 30);
    await assertSound(directory);
  });
}

test('with a clock that stands before the authority nothing is issued', async (t) => {
  const directory = await established(t);
  const now = new Date(Date.now() - 2 * DAY);
  await assert.rejects(ensureCertificates({ directory, names: NAMES, now }), failsWith('CA_NOT_VALID_NOW'));
});

test('near its own end the authority issues up to that end, and not on every start', async (t) => {
  const directory = await established(t);
  const now = new Date(Date.now() + 3640 * DAY);
  assert.equal((await ensureCertificates({ directory, names: NAMES, now })).reason, 'expired');
  const { validToDate } = await readCertificate(directory);
  assert.deepEqual(validToDate, (await readCertificate(directory, 'ca.crt')).validToDate);
  assert.equal((await ensureCertificates({ directory, names: NAMES, now })).reissued, false);
  const past = new Date(Date.now() + 3660 * DAY);
  await assert.rejects(
    ensureCertificates({ directory, names: NAMES, now: past }),
    failsWith('CA_NOT_VALID_NOW'),
  );
});

test('with ca.key taken away, a pair that still holds goes on serving until it ends', async (t) => {
  const directory = await established(t);
  await rm(join(directory, 'ca.key'));
  const before = await snapshot(directory);
  const later = (days: number) => new Date(Date.now() + days * DAY);
  const more = [...NAMES, 'new.registry.example.test'];
  assert.equal((await ensureCertificates({ directory, names: NAMES })).reason, undefined);
  assert.equal((await ensureCertificates({ directory, names: more })).reason, 'names');
  assert.equal((await ensureCertificates({ directory, names: NAMES, now: later(380) })).reason, 'ends-soon');
  const expired = ensureCertificates({ directory, names: NAMES, now: later(398) });
  await assert.rejects(expired, failsWith('CA_KEY_MISSING'));
  await assert.rejects(renewServerCertificate({ directory, names: NAMES }), failsWith('CA_KEY_MISSING'));
  assert.deepEqual(await snapshot(directory), before);
});

test('renewing issues by the same authority, with a new key, and loses no name', async (t) => {
  const directory = await established(t);
  const before = await snapshot(directory);
  const renewed = await renewServerCertificate({ directory, names: ['new.registry.example.test'] });
  assert.deepEqual([renewed.created, renewed.reissued], [false, true]);
  const after = await snapshot(directory);
  assert.equal(after['ca.crt'], before['ca.crt']);
  assert.notEqual(after['server.key'], before['server.key']);
  assert.deepEqual(
    new Set((await describeCertificate(after['server.crt']!)).names),
    new Set([...NAMES, 'new.registry.example.test']),
  );
  await assertSound(directory);
});

test('a bad name or no name is refused before anything is written', async (t) => {
  const directory = join(await temporaryDirectory(t), 'certs');
  await assert.rejects(ensureCertificates({ directory, names: ['a b'] }), failsWith('NAME_INVALID'));
  await assert.rejects(ensureCertificates({ directory, names: [] }), failsWith('NAME_INVALID'));
  await assert.rejects(stat(directory), { code: 'ENOENT' });
});

test('a directory that cannot be made is a plain error that names it', async (t) => {
  const file = join(await temporaryDirectory(t), 'file');
  await writeFile(file, '');
  const directory = join(file, 'certs');
  await assert.rejects(ensureCertificates({ directory, names: NAMES }), { code: 'ENOTDIR', path: directory });
});
