import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryDirectory } from '../support/files.ts';
import { startGatehouse } from '../support/gatehouse.ts';
import { run } from '../support/processes.ts';
import { missingTool } from '../support/tools.ts';

interface Finding {
  id: string;
  severity: string;
  finding: string;
}

/** Those of its checks that take a minute together; test/testssl-report.sh runs all. */
const checks = ['--protocols', '--server-defaults', '--renegotiation', '--headers', '--std'];

test('testssl.sh finds nothing above LOW but that our authority publishes no revocations', {
  skip: missingTool('testssl'),
}, async (t) => {
  const gatehouse = await startGatehouse(t);
  const file = join(await temporaryDirectory(t), 'findings.json');
  const options = [
    '--quiet',
    '--color',
    '0',
    '--warnings',
    'off',
    '--ip',
    'one',
    '--add-ca',
    gatehouse.caPath,
  ];
  const { stdout } = await run('testssl', [...options, ...checks, '--jsonfile', file, gatehouse.host], {
    timeoutMs: 300_000,
  });
  const findings: Finding[] = JSON.parse(await readFile(file, 'utf8'));
  const found = (id: string) => findings.find((each) => each.id === id)?.severity;
  // What these checks look at was looked at.
  assert.equal(found('TLS1_3'), 'OK', stdout);
  assert.equal(found('cert_chain_of_trust'), 'OK', stdout);
  assert.equal(found('secure_client_renego'), 'OK', stdout);
  const grave = findings.filter(({ severity }) => ['MEDIUM', 'HIGH', 'CRITICAL'].includes(severity));
  assert.deepEqual(
    grave.map(({ id }) => id),
    ['cert_revocation'],
  );
});
