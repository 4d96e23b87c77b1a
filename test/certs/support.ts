import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CertificateError, type CertificateErrorCode, ensureCertificates } from '../../certs/index.ts';
import { temporaryDirectory } from '../support/files.ts';
import type { Scope } from '../support/scope.ts';

export const NAMES = ['localhost', '127.0.0.1', '::1', 'registry.example.test'];
export const DAY = 86_400_000;

/** `<data>/certs` as a first start leaves it, for NAMES. */
export async function established(scope: Scope): Promise<string> {
  const directory = join(await temporaryDirectory(scope, 'certs'), 'data', 'certs');
  await ensureCertificates({ directory, names: NAMES });
  return directory;
}

/** For assert.rejects: a CertificateError with that code, whose text matches, says what to do and holds no key. */
export function failsWith(code: CertificateErrorCode, text = /./): (error: unknown) => true {
  return (error) => {
    assert.ok(error instanceof CertificateError, String(error));
    assert.equal(error.code, code);
    assert.match(error.message, text);
    assert.ok(error.remedy.length > 0 && error.message.includes(error.remedy));
    assert.doesNotMatch(error.message, /-----BEGIN/);
    return true;
  };
}

export function openssl(...args: string[]): string {
  return execFileSync('openssl', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

/** Every file of a directory with its text. */
export async function snapshot(directory: string): Promise<Record<string, string>> {
  const entries = (await readdir(directory)).sort();
  const texts = await Promise.all(entries.map((name) => readFile(join(directory, name), 'utf8')));
  return Object.fromEntries(entries.map((name, index) => [name, texts[index]!]));
}

export async function readCertificate(directory: string, name = 'server.crt'): Promise<X509Certificate> {
  return new X509Certificate(await readFile(join(directory, name)));
}

/** The pair on disk belongs together, was issued by the authority on disk, and nothing else lies about. */
export async function assertSound(directory: string): Promise<void> {
  const files = await snapshot(directory);
  assert.deepEqual(Object.keys(files), ['ca.crt', 'ca.key', 'server.crt', 'server.key']);
  const authority = await readCertificate(directory, 'ca.crt');
  const server = await readCertificate(directory);
  assert.ok(authority.checkPrivateKey(createPrivateKey(files['ca.key']!)));
  assert.ok(server.checkPrivateKey(createPrivateKey(files['server.key']!)));
  assert.ok(server.checkIssued(authority) && server.verify(authority.publicKey));
  assert.ok(files['server.crt']!.endsWith(files['ca.crt']!), 'the chain follows');
}
