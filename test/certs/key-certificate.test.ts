import assert from 'node:assert/strict';
import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { issueKeyCertificate } from '../../certs/index.ts';
import { temporaryDirectory } from '../support/files.ts';
import { missingTool } from '../support/tools.ts';
import { DAY, openssl } from './support.ts';

test('a certificate for a signing key holds that key, and verifies as its own root', {
  skip: missingTool('openssl'),
}, async (t) => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const { pem, x5c } = await issueKeyCertificate(privateKey, 'some-key-id');
  const certificate = new X509Certificate(Buffer.from(x5c, 'base64'));
  assert.equal(certificate.toString(), pem);
  assert.ok(certificate.publicKey.equals(publicKey));
  assert.ok(certificate.verify(publicKey));
  assert.equal(certificate.subject, 'CN=some-key-id');
  assert.equal(certificate.ca, false);
  assert.ok(certificate.validToDate.getTime() > Date.now() + 3650 * DAY);
  const path = join(await temporaryDirectory(t), 'key.crt');
  await writeFile(path, pem);
  assert.match(openssl('verify', '-partial_chain', '-CAfile', path, path), /: OK/);
  assert.match(
    openssl('x509', '-in', path, '-noout', '-ext', 'keyUsage'),
    /Key Usage: critical\s+Digital Signature\n/,
  );
});

test('the key may be a PEM text, and the life is that which is asked for', async () => {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const text = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const now = new Date('2049-12-31T00:00:00Z');
  const { pem } = await issueKeyCertificate(text, 'k', { lifetimeMs: 2 * DAY, now });
  const { validFromDate, validToDate } = new X509Certificate(pem);
  // The year 2050 is where times change their form.
  assert.equal(validFromDate.toISOString(), '2049-12-30T00:00:00.000Z');
  assert.equal(validToDate.toISOString(), '2050-01-02T00:00:00.000Z');
});
