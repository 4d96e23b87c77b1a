import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { openDatabase } from '../../runtime/sqlite.ts';
import { eventually } from '../supervisor/support.ts';
import { bytesBelow, temporaryDirectory } from '../support/files.ts';
import { type Gatehouse, startGatehouse } from '../support/gatehouse.ts';
import { as, request } from '../support/http.ts';
import { digestOf, expectStatus, pushImage } from '../support/push.ts';
import { assertSettled } from './crash-support.ts';

const env = { GATEHOUSE_GC_LEASE: '2s', GATEHOUSE_AUTH_BCRYPT_COST: '8' };
const noPassword = { ...env, GATEHOUSE_ADMIN_PASSWORD: '' };

test('without a terminal the first password is in a file, until the first login with it', async (t) => {
  const gatehouse = await startGatehouse(t, { env: noPassword });
  const file = join(gatehouse.data, 'initial-admin-password');
  assert.ok(gatehouse.stdout().includes(file));
  assert.equal(statSync(file).mode & 0o777, 0o600);
  const password = readFileSync(file, 'utf8').trim();
  assert.ok(!`${gatehouse.stdout()}${gatehouse.stderr()}`.includes(password));
  const wrong = await request(as(gatehouse, 'admin', `not ${password}`), { path: '/v2/' });
  assert.equal(wrong.status, 401);
  assert.ok(existsSync(file), 'it stays until somebody has read it');
  expectStatus(await request(as(gatehouse, 'admin', password), { path: '/token' }), 200, 'the first login');
  await eventually('the file is gone', () => !existsSync(file));
});

test('starting again shows no password and changes neither certificates nor users', async (t) => {
  const first = await startGatehouse(t, { env });
  const rita = await first.addUser('rita', 'password-of-rita', [['shared/**', 'pull,push']]);
  await pushImage(rita, 'shared/image', 'v1');
  assert.equal(await first.stop(), 0);
  const before = lasting(first.data);
  // Another password in the environment is for a first user, and there is one.
  const again = { ...env, GATEHOUSE_ADMIN_PASSWORD: 'another-password' };
  const second = await startGatehouse(t, { env: again, data: first.data, port: first.port });
  assert.doesNotMatch(second.stdout(), /password/);
  assert.ok(!existsSync(join(first.data, 'initial-admin-password')));
  expectStatus(await request(rita, { path: '/v2/shared/image/manifests/v1' }), 200, 'rita');
  assert.equal((await request(second, { path: '/v2/' })).status, 401);
  expectStatus(await request(first, { path: '/v2/' }), 200, 'the first password');
  assert.equal(await second.stop(), 0);
  assert.deepEqual(lasting(first.data), before);
});

test('the first password is in no environment but that of the process it was given to', async (t) => {
  const gatehouse = await startGatehouse(t, { env });
  const children = gatehouse.children();
  assert.equal(children.length, 3);
  for (const { pid, commandLine } of children) {
    const environment = readFileSync(`/proc/${pid}/environ`, 'utf8');
    assert.ok(environment.includes('GATEHOUSE_GC_LEASE='), `${commandLine} has the other settings`);
    assert.ok(!environment.includes('GATEHOUSE_ADMIN_PASSWORD'), commandLine);
    assert.ok(!`${environment}${commandLine}`.includes(gatehouse.adminPassword), commandLine);
  }
});

test('a data directory with a path of 150 bytes works from one end to the other', async (t) => {
  const base = await temporaryDirectory(t);
  const data = join(base, 'd'.repeat(150 - base.length - 1));
  assert.equal(Buffer.byteLength(data), 150);
  const first = await startGatehouse(t, { env, data });
  await pushPullAndDelete(first);
  // After kill -9 the sockets are left over, with their long names.
  process.kill(first.pidOf('core'), 'SIGKILL');
  await eventually(
    'the core is back',
    async () => (await request(first, { path: '/v2/_catalog' })).status === 200,
  );
  await pushPullAndDelete(first);
  await assertSettled(first);
  assert.equal(await bytesBelow(join(data, 'blobs')), 0);
  assert.equal(JSON.parse(await first.cliOk(['status', '--json'])).running, true);
  await first.addUser('rita', 'password-of-rita');
  assert.equal(await first.stop(), 0);
});

async function pushPullAndDelete(gatehouse: Gatehouse): Promise<void> {
  const { digest, layers } = await pushImage(gatehouse, 'team/image', 'v1', { layers: ['a', 'b'] });
  for (const layer of layers) {
    const { body } = await request(gatehouse, { path: `/v2/team/image/blobs/${layer.digest}` });
    assert.equal(digestOf(body), layer.digest);
  }
  const path = `/v2/team/image/manifests/${digest}`;
  expectStatus(await request(gatehouse, { method: 'DELETE', path }), 202, 'deleting it');
}

/** What a start must not touch. */
function lasting(data: string): Record<string, unknown> {
  const files = ['ca.crt', 'ca.key', 'server.crt', 'server.key'].map((name) => [
    name,
    digestOf(readFileSync(join(data, 'certs', name))),
  ]);
  const database = openDatabase(join(data, 'users.db'));
  try {
    const tables = database
      .prepare("SELECT name FROM sqlite_schema WHERE type = 'table'")
      .pluck()
      .all() as string[];
    const rows = tables.map((table) => [table, database.prepare(`SELECT * FROM "${table}"`).all()]);
    return Object.fromEntries([...files, ...rows]);
  } finally {
    database.close();
  }
}
