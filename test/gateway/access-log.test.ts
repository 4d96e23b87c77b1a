import assert from 'node:assert/strict';
import { existsSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type AccessRecord, clfTime, openAccessLines } from '../../gateway/audit/access-lines.ts';
import { loadConfig } from '../../runtime/config.ts';
import { temporaryDirectory } from '../support/files.ts';
import { as, request } from '../support/http.ts';
import { password, raw, startCore, startGateway, until } from './support.ts';

const ofClf = /^(\S+) - (\S+) \[([^\]]+)\] "([^"]*)" ([0-9]{3}) ([0-9]+)(?: "([^"]*)" "([^"]*)")?$/;

function linesOf(path: string): string[] {
  return existsSync(path) ? readFileSync(path, 'utf8').split('\n').slice(0, -1) : [];
}

test('the combined form, in a file of its own that SIGHUP opens anew', async (t) => {
  const path = join(await temporaryDirectory(t, 'logs'), 'access.log');
  const gateway = await startGateway(t, { 'log.access': 'combined', 'log.access_file': path });
  const headers = { 'user-agent': 'curl/8 "quoted"', referer: 'https://x.example/' };
  await request(as(gateway, 'alice', password), { path: '/v2/?secret=x', headers });
  await until(() => linesOf(path).length === 1, 'the line is there');
  const match = ofClf.exec(linesOf(path)[0]!);
  const [, address, account, , line, status, , referer, agent] = match!;
  assert.deepEqual(
    [address, account, line, status, referer, agent],
    ['127.0.0.1', 'alice', 'GET /v2/ HTTP/1.1', '503', headers.referer, 'curl/8 \\x22quoted\\x22'],
  );
  assert.equal(
    gateway.log.some(({ message }) => message === 'request'),
    false,
  );
  renameSync(path, `${path}.1`);
  await request(gateway, { path: '/healthz' });
  await until(() => linesOf(`${path}.1`).length === 2, 'the old file goes on');
  await gateway.gateway.reload!();
  await request(gateway, { path: '/healthz' });
  await until(() => linesOf(path).length === 1, 'a new file is begun');
});

test('what a client chose ends no field and no line', async (t) => {
  const path = join(await temporaryDirectory(t, 'logs'), 'access.log');
  const gateway = await startGateway(t, { 'log.access': 'common', 'log.access_file': path });
  await raw(gateway.port, `GET /a"b\\c HTTP/1.1\r\nHost: ${gateway.host}\r\nConnection: close\r\n\r\n`);
  await until(() => linesOf(path).length === 1, 'the line is there');
  assert.match(linesOf(path)[0]!, ofClf);
  assert.match(linesOf(path)[0]!, /"GET (?:-|\/a\\x22b\\x5cc) HTTP\/1\.1"/);
  const record: AccessRecord = {
    requestId: 'r',
    address: '::1',
    account: 'two words"\n',
    method: 'GET',
    path: '/x\u0085"y" eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJlLW9mLWEtdG9rZW4',
    httpVersion: '1.1',
    status: 200,
    complete: true,
    sentBytes: 5,
    receivedBytes: 0,
    durationMs: 1,
    referer: undefined,
    userAgent: '\u001b[31m',
  };
  const { config } = loadConfig({
    environment: {},
    flags: { 'log.access': 'combined', 'log.access_file': path },
  });
  openAccessLines(config, gateway.log as never).write(record);
  const [, line] = linesOf(path);
  assert.match(line!, ofClf);
  assert.match(line!, /^::1 - two\\x20words\\x22\\x0a \[/);
  assert.ok(!line!.includes('c2lnbmF0dXJlLW9mLWEtdG9rZW4'));
});

test('JSON in a file has the request id', async (t) => {
  const path = join(await temporaryDirectory(t, 'logs'), 'access.json');
  const gateway = await startGateway(t, { 'log.access_file': path });
  const answer = await request(gateway, { path: '/healthz' });
  await until(() => linesOf(path).length === 1, 'the line is there');
  const line = JSON.parse(linesOf(path)[0]!) as Record<string, unknown>;
  assert.equal(line['requestId'], answer.headers['x-request-id']);
  assert.equal(line['status'], 200);
  assert.ok(Date.parse(line['time'] as string) <= Date.now());
});

test('off is off', async (t) => {
  const gateway = await startGateway(t, { 'log.access': 'off' });
  await request(gateway, { path: '/healthz' });
  assert.equal(
    gateway.log.some(({ message }) => message === 'request'),
    false,
  );
});

test('times of the Common Log Format', () => {
  assert.equal(clfTime(new Date(Date.UTC(2026, 0, 2, 3, 4, 5, 999))), '02/Jan/2026:03:04:05 +0000');
});

test('one request id from the edge to the core: in the answer and in the lines of both', async (t) => {
  const gateway = await startGateway(t);
  const core = await startCore(t, gateway.data, { GATEHOUSE_LOG_LEVEL: 'debug' });
  const answer = await request(as(gateway, 'alice', password), { path: '/v2/team/x/tags/list' });
  const id = answer.headers['x-request-id'] as string;
  await until(
    () => gateway.log.some(({ message, fields }) => message === 'request' && fields['requestId'] === id),
    'the gateway has a line',
  );
  await until(
    () => core.log().some((line) => line['message'] === 'request to the core' && line['requestId'] === id),
    'the core has one',
  );
});

test('what is no request has an id too, in its answer and in the log', async (t) => {
  const gateway = await startGateway(t);
  const answer = await raw(gateway.port, 'GET / HTTP/1.1\r\nno header\r\n\r\n');
  const id = /^X-Request-Id: (\S+)\r$/m.exec(answer)![1]!;
  const line = gateway.log.find(({ message }) => message === 'request refused');
  assert.equal(line?.fields['requestId'], id);
  assert.equal(line?.fields['status'], 400);
  assert.equal(String(line?.fields['address']).replace('::ffff:', ''), '127.0.0.1');
});
