import assert from 'node:assert/strict';
import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { issueKeyAuthority, issueKeyCertificate } from '../../certs/index.ts';
import { temporaryDirectory } from '../support/files.ts';
import { missingTool } from '../support/tools.ts';
import { DAY, openssl } from './support.ts';

for (const [kind, pair] of [
  ['EC', generateKeyPairSync('ec', { namedCurve: 'P-256' })],
  ['RSA', generateKeyPairSync('rsa', { modulusLength: 2048 })],
] as const) {
  test(`a certificate for a signing key (${kind}) holds that key, and leads to the authority of such keys`, {
    skip: missingTool('openssl'),
  }, async (t) => {
    const authority = await issueKeyAuthority('tokens of somebody');
    const x5c = await issueKeyCertificate(pair.privateKey, 'some-key-id', authority);
    const certificate = new X509Certificate(Buffer.from(x5c, 'base64'));
    const root = new X509Certificate(authority.certificatePem);
    assert.ok(certificate.publicKey.equals(pair.publicKey));
    assert.ok(certificate.checkIssued(root) && certificate.verify(root.publicKey));
    assert.equal(certificate.subject, 'CN=some-key-id');
    assert.deepEqual([root.ca, certificate.ca], [true, false]);
    assert.ok(root.validToDate.getTime() > Date.now() + 7300 * DAY);
    assert.equal(certificate.validTo, root.validTo);
    const directory = await temporaryDirectory(t);
    const [path, rootPath] = [join(directory, 'key.crt'), join(directory, 'root.crt')];
    await writeFile(path, certificate.toString());
    await writeFile(rootPath, authority.certificatePem);
    assert.match(openssl('verify', '-x509_strict', '-CAfile', rootPath, path), /: OK/);
    assert.match(
      openssl('x509', '-in', path, '-noout', '-ext', 'keyUsage'),
      /Key Usage: critical\s+Digital Signature\n/,
    );
  });
}

test('a certificate of another authority does not lead to it', async () => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const [one, other] = [await issueKeyAuthority('tokens'), await issueKeyAuthority('tokens')];
  const x5c = await issueKeyCertificate(privateKey, 'k', one);
  const certificate = new X509Certificate(Buffer.from(x5c, 'base64'));
  assert.equal(certificate.verify(new X509Certificate(other.certificatePem).publicKey), false);
});
