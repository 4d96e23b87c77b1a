import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { describeCertificate, ensureCertificates, renewServerCertificate } from '../../certs/index.ts';
import { temporaryDirectory } from '../support/files.ts';
import { missingTool } from '../support/tools.ts';
import { assertSound, NAMES, openssl, readCertificate, snapshot } from './support.ts';

test('an RSA authority without limits, as earlier versions made it, goes on', {
  skip: missingTool('openssl'),
}, async (t) => {
  const directory = join(await temporaryDirectory(t), 'certs');
  await mkdir(directory, { mode: 0o700 });
  const [certificate, key] = [join(directory, 'ca.crt'), join(directory, 'ca.key')];
  const extensions = [
    'basicConstraints=critical,CA:TRUE,pathlen:0',
    'keyUsage=critical,keyCertSign,cRLSign',
    'subjectKeyIdentifier=hash',
  ].flatMap((text) => ['-addext', text]);
  const made = ['-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-subj', '/CN=Gatehouse CA box 0a1b2c3d'];
  openssl('req', '-x509', ...made, '-days', '3652', '-out', certificate, ...extensions);
  const before = await snapshot(directory);
  // What these tests rely on: openssl 3 adds nothing of its own that matters here.
  assert.doesNotMatch(openssl('x509', '-in', certificate, '-noout', '-text'), /Name Constraints/);

  const names = [...NAMES, 'any.example.org'];
  const now = new Date(Date.now() + 60_000);
  const ensured = await ensureCertificates({ directory, names, keyType: 'ecdsa', now });
  assert.deepEqual([ensured.created, ensured.reissued, ensured.reason], [false, true, 'absent']);
  assert.deepEqual(ensured.unpermitted, []);
  assert.deepEqual((await describeCertificate(ensured.certificatePath)).names, names);
  await assertSound(directory);
  await renewServerCertificate({ directory, names: ['another.example.org'], now });
  const after = await snapshot(directory);
  assert.equal(after['ca.crt'], before['ca.crt']);
  assert.equal(after['ca.key'], before['ca.key']);
  const server = await readCertificate(directory);
  assert.equal(server.publicKey.asymmetricKeyType, 'rsa');
  await assertSound(directory);
  assert.match(
    openssl(
      'verify',
      '-x509_strict',
      '-purpose',
      'sslserver',
      '-CAfile',
      certificate,
      ensured.certificatePath,
    ),
    /: OK/,
  );
});
