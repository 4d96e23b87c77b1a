import assert from 'node:assert/strict';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { makeKey } from '../../certs/authority.ts';
import { describeCertificate, ensureCertificates, loadKeyPair } from '../../certs/index.ts';
import { temporaryDirectory } from '../support/files.ts';
import { missingTool } from '../support/tools.ts';
import { DAY, failsWith, NAMES, openssl } from './support.ts';

async function madePair(t: TestContext) {
  const directory = await temporaryDirectory(t);
  const { certificatePath, keyPath, caCertificatePath } = await ensureCertificates({
    directory,
    names: NAMES,
  });
  return { directory, caCertificatePath, paths: { certificatePath, keyPath } };
}

test('a made pair loads as it is on disk', async (t) => {
  const { paths } = await madePair(t);
  assert.deepEqual(await loadKeyPair(paths), {
    cert: await readFile(paths.certificatePath, 'utf8'),
    key: await readFile(paths.keyPath, 'utf8'),
  });
});

test('an ECDSA pair as openssl writes it loads, parameters block and all', {
  skip: missingTool('openssl'),
}, async (t) => {
  const directory = await temporaryDirectory(t);
  const paths = { certificatePath: join(directory, 'c.pem'), keyPath: join(directory, 'k.pem') };
  openssl('ecparam', '-name', 'prime256v1', '-genkey', '-out', paths.keyPath);
  assert.match(await readFile(paths.keyPath, 'utf8'), /BEGIN EC PARAMETERS/);
  const subject = ['-subj', '/CN=ec.example.test', '-addext', 'subjectAltName=DNS:ec.example.test'];
  openssl('req', '-x509', '-key', paths.keyPath, ...subject, '-days', '2', '-out', paths.certificatePath);
  await loadKeyPair(paths);
  assert.deepEqual((await describeCertificate(paths.certificatePath)).names, ['ec.example.test']);
});

test('an RSA key too short for TLS is refused', { skip: missingTool('openssl') }, async (t) => {
  const directory = await temporaryDirectory(t);
  const paths = { certificatePath: join(directory, 'c.pem'), keyPath: join(directory, 'k.pem') };
  const files = ['-keyout', paths.keyPath, '-out', paths.certificatePath];
  openssl('req', '-x509', '-newkey', 'rsa:512', '-nodes', '-subj', '/CN=short', ...files);
  await assert.rejects(loadKeyPair(paths), failsWith('CERTIFICATE_UNUSABLE', /2048/));
});

for (const [form, options] of [
  ['PKCS #8', { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'secret' }],
  ['PKCS #1', { type: 'pkcs1', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'secret' }],
] as const) {
  test(`an encrypted key (${form}) is refused with the command that decrypts it`, async (t) => {
    const { paths } = await madePair(t);
    // PKCS #1 is of RSA keys alone.
    const key = createPrivateKey(await makeKey('rsa'));
    await writeFile(paths.keyPath, key.export(options));
    await assert.rejects(loadKeyPair(paths), failsWith('KEY_ENCRYPTED', /openssl pkey -in .*server\.key/));
  });
}

test("another certificate's key is refused", async (t) => {
  const { paths } = await madePair(t);
  const other = await madePair(t);
  const mixed = { certificatePath: paths.certificatePath, keyPath: other.paths.keyPath };
  await assert.rejects(loadKeyPair(mixed), failsWith('KEY_MISMATCH', /does not belong to the first/));
});

test('a chain in the wrong order is refused with the right order', async (t) => {
  const { paths, caCertificatePath } = await madePair(t);
  const leafFirst = await readFile(paths.certificatePath, 'utf8');
  await writeFile(paths.certificatePath, (await readFile(caCertificatePath, 'utf8')) + leafFirst);
  await assert.rejects(loadKeyPair(paths), failsWith('KEY_MISMATCH', /server's certificate first/));
});

test('a certificate is refused after its end and before its beginning', async (t) => {
  const { paths } = await madePair(t);
  const at = (days: number) => loadKeyPair(paths, new Date(Date.now() + days * DAY));
  await at(395);
  await assert.rejects(at(397), failsWith('CERTIFICATE_NOT_VALID_NOW', /ended on/));
  await assert.rejects(at(-2), failsWith('CERTIFICATE_NOT_VALID_NOW', /begins only on/));
});

test('missing, empty and damaged files are named', async (t) => {
  const { paths, directory } = await madePair(t);
  const absent = join(directory, 'absent.pem');
  const damaged = join(directory, 'damaged.pem');
  await writeFile(damaged, '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n');
  const load = (certificatePath: string, keyPath: string) => loadKeyPair({ certificatePath, keyPath });
  await assert.rejects(load(absent, paths.keyPath), failsWith('CERTIFICATE_UNREADABLE', /absent\.pem/));
  await assert.rejects(load(paths.certificatePath, absent), failsWith('KEY_UNREADABLE', /absent\.pem/));
  await assert.rejects(load(damaged, paths.keyPath), failsWith('CERTIFICATE_UNREADABLE', /damaged\.pem/));
  await assert.rejects(load(paths.keyPath, paths.keyPath), failsWith('CERTIFICATE_UNREADABLE', /no PEM/));
  await assert.rejects(load(paths.certificatePath, damaged), failsWith('KEY_UNREADABLE', /damaged\.pem/));
});

test('a description is the same from a path and from a text', async (t) => {
  const { paths } = await madePair(t);
  const pem = await readFile(paths.certificatePath, 'utf8');
  const now = new Date();
  const description = await describeCertificate(paths.certificatePath, now);
  assert.deepEqual(await describeCertificate(pem, now), description);
  const certificate = new X509Certificate(pem);
  assert.equal(description.fingerprintSha256, certificate.fingerprint256);
  assert.equal(description.serial, certificate.serialNumber);
  assert.equal(description.subject, 'CN=registry.example.test');
  assert.equal(description.daysLeft, 395);
  assert.equal((await describeCertificate(pem, new Date(now.getTime() + 400 * DAY))).daysLeft, -5);
  await assert.rejects(describeCertificate('/nowhere.crt'), failsWith('CERTIFICATE_UNREADABLE', /nowhere/));
});

test('a name of another kind cannot pass for a DNS name in a description', {
  skip: missingTool('openssl'),
}, async (t) => {
  const directory = await temporaryDirectory(t);
  const [config, out, key] = ['openssl.cnf', 'c.pem', 'k.pem'].map((name) => join(directory, name)) as [
    string,
    string,
    string,
  ];
  await writeFile(
    config,
    '[req]\ndistinguished_name=dn\nx509_extensions=e\n[dn]\n[e]\nsubjectAltName=@s\n[s]\nURI.1=http://a/?q\\, DNS:evil.example\nDNS.1=good.example\nIP.1=::1\n',
  );
  openssl(
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-subj',
    '/CN=x',
    '-config',
    config,
    '-keyout',
    key,
    '-out',
    out,
  );
  assert.deepEqual((await describeCertificate(out)).names, ['good.example', '::1']);
});
