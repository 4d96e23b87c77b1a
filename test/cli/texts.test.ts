import assert from 'node:assert/strict';
import { test } from 'node:test';
import { randomPassword } from '../../cli/first-admin.ts';
import { formatBytes, formatDuration, formatUptime } from '../../cli/format.ts';
import { nextSteps } from '../../cli/next-steps.ts';
import { fallbackPort, otherPort } from '../../cli/port.ts';
import { describeReport } from '../../cli/report.ts';
import { certificateLines } from '../../cli/status-certificates.ts';
import { storageLines } from '../../cli/status-screen.ts';
import { loadConfig } from '../../runtime/config.ts';
import type { ConfigName } from '../../runtime/config-schema.ts';

function load(flags: Partial<Record<ConfigName, string>>) {
  return loadConfig({ environment: {}, flags: { data: '/srv/gate house', ...flags } });
}

test('a random password has 24 characters that are not mistaken for others', () => {
  const passwords = Array.from({ length: 50 }, randomPassword);
  for (const password of passwords) assert.match(password, /^(?![\s\S]*[0O1lI])[a-zA-Z0-9]{24}$/);
  assert.equal(new Set(passwords).size, 50);
});

test('the three lines to type next, with port, name and a path that the shell splits', () => {
  const text = nextSteps(load({ hostname: 'registry.example.com' }).config, 8443);
  assert.match(text, /Address {2}https:\/\/registry\.example\.com:8443 {2}https:\/\/localhost:8443/);
  assert.match(
    text,
    /^ {2}sudo mkdir -p \/etc\/docker\/certs\.d\/registry\.example\.com:8443 && sudo cp '\/srv\/gate house\/certs\/ca\.crt' \/etc\/docker\/certs\.d\/registry\.example\.com:8443\/ca\.crt\n {2}docker login registry\.example\.com:8443 -u admin\n {2}docker push registry\.example\.com:8443\/admin\//m,
  );
});

test('a port that goes without saying is not said', () => {
  assert.match(nextSteps(load({}).config, 443), /docker login localhost -u/);
  assert.match(nextSteps(load({ hostname: '::1' }).config, 443), /docker login \[::1\] -u/);
  const plain = nextSteps(load({ 'tls.mode': 'off' }).config, 80);
  assert.match(plain, /http:\/\/localhost\n/);
  assert.doesNotMatch(plain, /certs/);
});

const refused = (code: string) => async () => {
  throw Object.assign(new Error(code), { code });
};

test('8443 only where nobody chose a port and 443 is not allowed', async () => {
  assert.equal(await otherPort(load({}), refused('EACCES')), fallbackPort);
  assert.equal(await otherPort(load({}), refused('EADDRINUSE')), undefined);
  assert.equal(await otherPort(load({}), async () => {}), undefined);
  assert.equal(await otherPort(load({ port: '443' }), refused('EACCES')), undefined);
});

test('figures for people', () => {
  assert.deepEqual([0, 1023, 1024, 1.5 * 2 ** 30].map(formatBytes), [
    '0 bytes',
    '1023 bytes',
    '1.0 KiB',
    '1.5 GiB',
  ]);
  assert.deepEqual([0, 59, 3600, 90_061].map(formatUptime), ['0 s', '59 s', '1 h', '1 d 1 h']);
  assert.deepEqual([0, 1500, 90_000, 86_400_000].map(formatDuration), ['0', '1500ms', '90s', '1d']);
});

test('the report says what was freed, what still waits, and what failed', () => {
  const report = {
    run: 1,
    dry_run: false,
    started_at: '2026-01-01T00:00:00.000Z',
    finished_at: '2026-01-01T00:00:01.000Z',
    duration_ms: 1000,
    tags_deleted: 2,
    manifests_deleted: 1,
    links_deleted: 2,
    blobs_condemned: 2,
    blobs_swept: 2,
    bytes_freed: 2048,
    bytes_trashed: 0,
    bytes_purged: 0,
    uploads_expired: 0,
    held_blobs: 1,
    held_bytes: 1024,
    next_due: '2026-01-02T00:00:00.000Z',
    clock_suspect: true,
    errors: [{ what: 'blobs/sha256/ab/x', message: 'permission denied' }],
  };
  const text = describeReport(report);
  assert.match(text, /^Freed 2\.0 KiB: 2 blobs, 1 manifest, 2 links, 0 abandoned uploads/);
  assert.match(text, /1\.0 KiB in 1 blob, the first of it until 2026-01-02/);
  assert.match(text, /clock/);
  assert.match(text, /^Failed: blobs\/sha256\/ab\/x: permission denied$/m);
  assert.match(describeReport({ ...report, dry_run: true }), /^Would free/);
  assert.doesNotMatch(text, /trash/);
  const trashed = describeReport({ ...report, run: 7, bytes_trashed: 1024, bytes_purged: 512 });
  assert.match(trashed, /^Into the trash: 1\.0 KiB; to bring it back: gatehouse gc undo 7$/m);
  assert.match(trashed, /^Out of the trash: 512 bytes of those freed\.$/m);
});

test('the space on each disk, and that it is short', () => {
  const disk = { path: '/srv/blobs', total_bytes: 2 ** 40, free_bytes: 2 ** 29, reserve_bytes: 2 ** 30 };
  const full = { ...disk, short: true };
  const other = { ...disk, path: '/data', free_bytes: 2 ** 35, short: false };
  assert.deepEqual(storageLines({ short: true, file_systems: [full, other] }), [
    'storage      SHORT: 512.0 MiB free of 1.0 TiB on /srv/blobs, reserve 1.0 GiB: new uploads are refused',
    'storage      32.0 GiB free of 1.0 TiB on /data, reserve 1.0 GiB',
  ]);
  assert.deepEqual(storageLines(null), []);
});

test('the certificates: the default one, those for other names, and what is wrong with one', () => {
  const notAfter = '2030-01-01T00:00:00.000Z';
  const pair = { source: 'files', names: ['a.test', 'b.test'], notAfter, fault: null } as const;
  const gateway = {
    addresses: [],
    requests: { total: 0, active: 0 },
    certificate: { notAfter, daysLeft: 100 },
    certificates: [
      { ...pair, names: ['first.test'], certificatePath: '/srv/first.pem' },
      { ...pair, names: [...pair.names], certificatePath: '/srv/a.pem', fault: 'the key is another one' },
      { ...pair, names: [], certificatePath: '/srv/none.pem', notAfter: null },
    ],
    acme: { names: ['c.test'], failures: 2, fault: 'connection refused', nextAttempt: notAfter },
  };
  assert.deepEqual(certificateLines(gateway), [
    `certificate  until ${notAfter} (100 days left)`,
    `             a.test: until ${notAfter}`,
    '             NOT IN USE as it is now: /srv/a.pem: the key is another one',
    `acme         NO CERTIFICATE after 2 attempts, asked again at ${notAfter}: connection refused`,
  ]);
  assert.deepEqual(certificateLines(null), []);
});
