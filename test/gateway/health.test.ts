import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync, renameSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { openReadiness } from '../../gateway/health/readiness.ts';
import { openDatabase } from '../../runtime/sqlite.ts';
import { probeWriting } from '../../runtime/write-probe.ts';
import { temporaryDirectory } from '../support/files.ts';
import { as, request } from '../support/http.ts';
import { endProcess } from '../support/processes.ts';
import { startCore, startGateway, type TestGateway, until } from './support.ts';

const probe = { path: '/readyz', headers: { host: '10.1.2.3' } };

async function untilStatus(gateway: TestGateway, status: number) {
  await until(async () => (await request(gateway, probe)).status === status, `ready: ${status}`);
  return request(gateway, probe);
}

test('ready with its core, not ready without it, and ready again', async (t) => {
  const gateway = await startGateway(t);
  const refused = await request(gateway, probe);
  assert.equal(refused.status, 503);
  assert.deepEqual(refused.json, { status: 'not ready' });
  assert.equal(refused.headers['retry-after'], '5');
  const core = await startCore(t, gateway.data);
  const ready = await untilStatus(gateway, 200);
  assert.deepEqual(ready.json, { status: 'ready' });
  await endProcess(core);
  await untilStatus(gateway, 503);
  await startCore(t, gateway.data);
  await untilStatus(gateway, 200);
});

test('alive and ready are answered under any name; other methods are refused', async (t) => {
  const gateway = await startGateway(t);
  for (const path of ['/healthz', '/readyz']) {
    const answer = await request(gateway, { path, method: 'POST', headers: { host: 'nobody.example' } });
    assert.equal(answer.status, 405, path);
    assert.equal(answer.headers.allow, 'GET, HEAD, OPTIONS');
  }
  assert.equal((await request(gateway, { path: '/readyz', method: 'HEAD' })).text, '');
});

test('listed networks are told what is wrong; a client cannot claim to be one of them', async (t) => {
  const told = await startGateway(t, { 'health.details_to': '127.0.0.0/8' });
  const { json } = await request(told, probe);
  assert.equal(json.checks.core.message, 'the core does not run');
  assert.deepEqual(json.checks.databases, { ok: true });
  const untold = await startGateway(t, { 'health.details_to': '192.0.2.0/24' });
  const headers = { ...probe.headers, 'x-forwarded-for': '192.0.2.1', forwarded: 'for=192.0.2.1' };
  assert.deepEqual((await request(untold, { ...probe, headers })).json, { status: 'not ready' });
});

test('a database that is gone, or no database', async (t) => {
  const gateway = await startGateway(t, { 'health.details_to': '127.0.0.1' });
  await startCore(t, gateway.data);
  await untilStatus(gateway, 200);
  const path = join(gateway.data, 'users.db');
  renameSync(path, `${path}.away`);
  const gone = await untilStatus(gateway, 503);
  assert.match(gone.json.checks.databases.message, /users\.db is not there/);
  renameSync(`${path}.away`, path);
  await untilStatus(gateway, 200);
  const data = await temporaryDirectory(t, 'damaged');
  writeFileSync(join(data, 'users.db'), 'no database at all, but longer than the header of one. '.repeat(4));
  const config = { ...gateway.config, data };
  const readiness = openReadiness({
    config,
    certificateEnd: () => undefined,
    auditFault: async () => undefined,
    isDraining: () => false,
  });
  assert.match((await readiness.read()).checks.databases.message!, /users\.db cannot be read/);
});

test('an audit trail that cannot be written, or is gone, is told of; requests go on, so it is ready', async (t) => {
  const gateway = await startGateway(t, { 'health.details_to': '127.0.0.1' });
  await startCore(t, gateway.data);
  await untilStatus(gateway, 200);
  const untilAudit = async (expected: (message: string | undefined) => boolean, what: string) => {
    await until(
      async () => {
        const { status, json } = await request(gateway, probe);
        assert.deepEqual([status, json.status], [200, 'ready']);
        return expected(json.checks.audit.message);
        // What failed is tried again each second, and looked at once a second.
      },
      what,
      15_000,
    );
  };
  const path = join(gateway.data, 'audit.db');
  const rename = (from: string, to: string) => {
    const database = openDatabase(path);
    database.exec(`ALTER TABLE ${from} RENAME TO ${to}`);
    database.close();
  };
  rename('blocks', 'away');
  // What is written is a login that failed.
  assert.equal((await request(as(gateway, 'alice', 'wrong'), { path: '/v2/' })).status, 401);
  const failing = /^the audit trail cannot be written: no such table: (main\.)?blocks/;
  await untilAudit((message) => failing.test(message ?? ''), 'the write that failed');
  rename('away', 'blocks');
  await untilAudit((message) => message === undefined, 'it is written again');
  renameSync(path, `${path}.away`);
  await untilAudit((message) => message === `${path} is not there`, 'the file is missed');
  renameSync(`${path}.away`, path);
  await untilAudit((message) => message === undefined, 'it is there again');
});

test('a directory that cannot be written is told of; a good one is left as it was', async (t) => {
  assert.match((await probeWriting('/proc'))!, /^\/proc cannot be written: /);
  const directory = await temporaryDirectory(t, 'probe');
  assert.equal(await probeWriting(directory), undefined);
  assert.deepEqual(readdirSync(directory), []);
});

test('an ended certificate, and a gateway that stops, are not ready', async (t) => {
  const { config } = await startGateway(t);
  let end = Date.now() + 60_000;
  const read = async (isDraining: boolean) => {
    const readiness = openReadiness({
      config,
      certificateEnd: () => end,
      auditFault: async () => undefined,
      isDraining: () => isDraining,
    });
    return (await readiness.read()).checks;
  };
  assert.deepEqual((await read(false)).certificate, { ok: true });
  assert.match((await read(true)).listening.message!, /stopping/);
  end = Date.now() - 1000;
  assert.match((await read(false)).certificate.message!, /^the certificate ended at /);
});

test('ten thousand questions are a few looks', async (t) => {
  const gateway = await startGateway(t);
  await startCore(t, gateway.data);
  await untilStatus(gateway, 200);
  const socket = connect(gateway.port, '127.0.0.1');
  socket.write('GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(10));
  let received = '';
  socket.on('data', (part) => {
    received += part;
  });
  await until(() => received.match(/HTTP\/1\.1 200/g)?.length === 10, 'all are answered');
  socket.destroy();
  await once(socket, 'close');
});
