import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
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
  const renewed = await cli(['cert', 'renew', '--hostname', 'registry.example.com']);
  assert.equal(renewed.code, 0, renewed.stderr);
  assert.equal(read('ca.crt'), before.ca);
  assert.notEqual(read('server.crt'), before.server);
  const { server, authority } = JSON.parse((await cli(['cert', 'show', '--json'])).stdout);
  assert.ok(server.names.includes('registry.example.com'));
  assert.equal(authority.path, join(directory, 'ca.crt'));
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
