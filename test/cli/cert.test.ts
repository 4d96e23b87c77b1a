import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ensureCertificates, machineNames } from '../../certs/index.ts';
import { onData } from './support.ts';

test('shows the certificates, and renews the server’s alone', async (t) => {
  const { data, cli } = await onData(t);
  const directory = join(data, 'certs');
  const missing = await cli(['cert', 'show']);
  assert.equal(missing.code, 1);
  assert.match(missing.stderr, /^gatehouse: [^\n]+\n$/);
  await ensureCertificates({ directory, names: machineNames([]) });
  const read = (name: string) => readFileSync(join(directory, name), 'utf8');
  const before = { ca: read('ca.crt'), server: read('server.crt') };
  const shown = await cli(['cert', 'show']);
  assert.equal(shown.code, 0);
  assert.match(shown.stdout, /^authority .*ca\.crt$/m);
  assert.match(shown.stdout, /names +localhost, 127\.0\.0\.1, ::1/);
  const renewed = await cli(['cert', 'renew', '--hostname', 'registry.localhost']);
  assert.equal(renewed.code, 0, renewed.stderr);
  assert.equal(read('ca.crt'), before.ca);
  assert.notEqual(read('server.crt'), before.server);
  const { server, authority } = JSON.parse((await cli(['cert', 'show', '--json'])).stdout);
  assert.ok(server.names.includes('registry.localhost'));
  assert.equal(authority.path, join(directory, 'ca.crt'));
});

test('a name that the authority was not made for takes a new authority, which is said', async (t) => {
  const { data, cli } = await onData(t);
  const directory = join(data, 'certs');
  const name = ['--hostname', 'registry.example.com'];
  assert.equal((await cli(['cert', 'issue'])).code, 0);
  const read = (file: string) => readFileSync(join(directory, file), 'utf8');
  const before = { ca: read('ca.crt'), key: read('ca.key'), server: read('server.crt') };
  for (const verb of ['renew', 'issue']) {
    const refused = await cli(['cert', verb, ...name]);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /not made for registry\.example\.com.*gatehouse cert renew --new-authority/);
    assert.equal(read('server.crt'), before.server);
  }
  const renewed = await cli(['cert', 'renew', '--new-authority', ...name]);
  assert.equal(renewed.code, 0, renewed.stderr);
  assert.match(renewed.stdout, /every client has to trust it anew/);
  assert.notEqual(read('ca.crt'), before.ca);
  assert.deepEqual([read('ca.crt.old'), read('ca.key.old')], [before.ca, before.key]);
  assert.equal(statSync(join(directory, 'ca.key.old')).mode & 0o777, 0o600);
  const { server, authority } = JSON.parse((await cli(['cert', 'show', '--json'])).stdout);
  assert.ok(server.names.includes('registry.example.com'));
  assert.equal(server.issuer, authority.subject);
  assert.match((await cli(['cert', 'issue', ...name])).stdout, /as it should be/);
});

test('the key of the authority goes offline and comes back', async (t) => {
  const { data, cli } = await onData(t);
  const directory = join(data, 'certs');
  const [kept, away] = [join(directory, 'ca.key'), join(data, 'usb.key')];
  assert.equal((await cli(['cert', 'issue'])).code, 0);
  const key = readFileSync(kept, 'utf8');
  assert.equal((await cli(['cert', 'export-ca-key', away])).code, 0);
  assert.equal(readFileSync(kept, 'utf8'), key);
  const again = await cli(['cert', 'export-ca-key', away, '--remove']);
  assert.match(again.stderr, /usb\.key is there already/);
  assert.equal(readFileSync(kept, 'utf8'), key);
  rmSync(away);
  const removed = await cli(['cert', 'export-ca-key', away, '--remove']);
  assert.equal(removed.code, 0, removed.stderr);
  assert.equal(readFileSync(away, 'utf8'), key);
  assert.equal(statSync(away).mode & 0o777, 0o600);
  assert.equal(existsSync(kept), false);
  assert.ok(![removed.stdout, removed.stderr, again.stderr].join('').includes('PRIVATE KEY'));
  const renewal = await cli(['cert', 'renew']);
  assert.equal(renewal.code, 1);
  assert.match(renewal.stderr, /ca\.key is missing.*gatehouse cert import-ca-key FILE/);
  const wrong = await cli(['cert', 'import-ca-key', join(directory, 'server.key')]);
  assert.match(wrong.stderr, /does not hold the key of/);
  const back = await cli(['cert', 'import-ca-key', away]);
  assert.equal(back.code, 0, back.stderr);
  assert.equal(readFileSync(kept, 'utf8'), key);
  assert.equal((await cli(['cert', 'renew'])).code, 0);
  assert.match((await cli(['cert', 'import-ca-key', away])).stderr, /there already/);
});

test('export prints the certificate of the authority', async (t) => {
  const { data, cli } = await onData(t);
  await cli(['cert', 'issue']);
  const exported = await cli(['cert', 'export']);
  assert.equal(exported.stdout, readFileSync(join(data, 'certs', 'ca.crt'), 'utf8'));
});

test('a certificate that is not ours is not renewed', async (t) => {
  const { cli } = await onData(t);
  const files = {
    GATEHOUSE_TLS_MODE: 'files',
    GATEHOUSE_TLS_CERTIFICATE: '/x.crt',
    GATEHOUSE_TLS_KEY: '/x.key',
  };
  const foreign = await cli(['cert', 'renew'], { env: files });
  assert.equal(foreign.code, 1);
  assert.match(foreign.stderr, /not ours/);
  const none = await cli(['cert', 'show'], { env: { GATEHOUSE_TLS_MODE: 'off' } });
  assert.equal(none.code, 1);
  assert.match(none.stderr, /no certificate/);
});
