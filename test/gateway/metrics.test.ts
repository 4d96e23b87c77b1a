import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { openMetrics } from '../../gateway/metrics/metrics.ts';
import { hostMetrics, mergeSnapshots, workerMetrics } from '../../gateway/metrics/registry.ts';
import { WorkerTotals } from '../../gateway/metrics/workers.ts';
import type { PairState } from '../../gateway/tls/served-pair.ts';
import { dataPaths } from '../../runtime/config.ts';
import { callControl } from '../../runtime/control.ts';
import { as, request } from '../support/http.ts';
import { run } from '../support/processes.ts';
import { pushImage } from '../support/push.ts';
import { findTool, missingTool } from '../support/tools.ts';
import { password, raw, startCore, startGateway, type TestGateway, until } from './support.ts';

async function scrape({ config }: TestGateway): Promise<string> {
  const status = (await callControl(dataPaths(config).gatewaySocket, 'GET', '/status')) as {
    metrics: { port: number };
  };
  const answer = await request(`http://127.0.0.1:${status.metrics.port}`, { path: '/metrics' });
  assert.equal(answer.status, 200);
  assert.match(answer.headers['content-type']!, /^text\/plain; version=0\.0\.4/);
  return answer.text;
}

/** The value of one line; labels in the order in which they are written. */
function valueIn(text: string, series: string): number {
  const line = text.split('\n').find((candidate) => candidate.startsWith(`${series} `));
  return Number(line?.slice(series.length + 1) ?? Number.NaN);
}

const on = { 'metrics.listen': '127.0.0.1:0' };

test('a push and a pull are counted: requests, bytes, pushes, pulls, logins', async (t) => {
  const gateway = await startGateway(t, on);
  await startCore(t, gateway.data);
  const alice = as(gateway, 'alice', password);
  const { layers } = await pushImage(alice, 'team/x', 'v1', { layers: ['x'.repeat(50_000)] });
  await request(alice, { path: '/v2/team/x/manifests/v1' });
  await request(alice, { path: `/v2/team/x/blobs/${layers[0]!.digest}` });
  await request(as(gateway, 'alice', 'wrong'), { path: '/v2/' });
  await request(gateway, { path: '/v2/' });
  await request(gateway, { path: '/v2/', headers: { authorization: 'Bearer a.b.c' } });
  await request(alice, { path: '/token?scope=repository:team/x:pull' });
  await request(gateway, { path: '/nowhere/at/all' });
  await request(as(gateway, 'bob', password), { method: 'DELETE', path: '/v2/team/x/manifests/v1' });
  const expected = {
    'gatehouse_pushes_total{kind="manifest"}': 1,
    'gatehouse_pushes_total{kind="blob"}': 2,
    'gatehouse_pulls_total{kind="manifest"}': 1,
    'gatehouse_pulls_total{kind="blob"}': 1,
    'gatehouse_http_requests_total{route="manifest",method="PUT",status="201"}': 1,
    'gatehouse_http_requests_total{route="base",method="GET",status="401"}': 3,
    'gatehouse_http_requests_total{route="other",method="GET",status="404"}': 1,
    'gatehouse_http_request_duration_seconds_count{route="blob",method="GET"}': 1,
    'gatehouse_auth_total{method="password",result="password"}': 1,
    'gatehouse_auth_total{method="bearer",result="malformed"}': 1,
    'gatehouse_up{process="core"}': 1,
    'gatehouse_up{process="gc"}': 0,
    gatehouse_tokens_issued_total: 1,
    gatehouse_uploads_open: 0,
  };
  // Counted when a connection has taken the answer, a moment after the client read it.
  let text = '';
  await until(async () => {
    text = await scrape(gateway);
    return Object.entries(expected).every(([series, value]) => valueIn(text, series) === value);
  }, 'all is counted').catch(() => undefined);
  const found = Object.fromEntries(Object.keys(expected).map((series) => [series, valueIn(text, series)]));
  assert.deepEqual(found, expected, text);
  assert.ok(valueIn(text, 'gatehouse_http_received_bytes_total{route="upload"}') >= 50_000);
  assert.ok(valueIn(text, 'gatehouse_http_sent_bytes_total{route="blob"}') >= 50_000);
  assert.ok(valueIn(text, 'gatehouse_auth_total{method="password",result="ok"}') >= 6);
  assert.ok(valueIn(text, 'gatehouse_process_resident_memory_bytes{process="core"}') > 1e7);
  assert.ok(valueIn(text, 'process_resident_memory_bytes') > 1e7);
  assert.ok(valueIn(text, 'nodejs_eventloop_lag_p99_seconds') >= 0);
  assert.match(text, /^gatehouse_disk_free_bytes\{path="[^"]+"\} [1-9]/m);
});

test('the end of the certificate is a metric', async (t) => {
  const gateway = await startGateway(t, { ...on, 'tls.mode': 'own' });
  const text = await scrape(gateway);
  const end = valueIn(text, 'gatehouse_certificate_expiry_timestamp_seconds');
  assert.ok(end > Date.now() / 1000 + 300 * 86_400, String(end));
  const ofPair =
    /^gatehouse_certificate_pair_expiry_timestamp_seconds\{server_name="[^"]+",source="own"\} (.+)$/m;
  assert.equal(Number(ofPair.exec(text)?.[1]), end);
});

test('pairs with the same name are one series: the earlier end, and the fault of either', async () => {
  const pair = { source: 'files', certificatePath: '/a.pem', names: ['a.test', 'b.test'] } as const;
  let pairs: PairState[] = [
    { ...pair, notAfter: '2030-01-01T00:00:00.000Z', fault: 'broken' },
    { ...pair, notAfter: '2029-01-01T00:00:00.000Z', fault: null },
    { ...pair, notAfter: '2031-01-01T00:00:00.000Z', fault: null },
    { source: 'acme', certificatePath: '/c.pem', names: [], notAfter: null, fault: null },
  ];
  const metrics = openMetrics({
    requestsActive: () => 0,
    connections: () => 0,
    pool: () => ({ active: 0, idle: 0, waiting: 0 }),
    certificateEnd: () => undefined,
    certificatePairs: () => pairs,
  });
  const read = async () => {
    const one = await metrics.snapshot();
    // Of two workers it is the same, not twice as much.
    const text = await mergeSnapshots([one, one]);
    return text.split('\n').filter((line) => line.startsWith('gatehouse_certificate_pair_'));
  };
  assert.deepEqual(await read(), [
    `gatehouse_certificate_pair_expiry_timestamp_seconds{server_name="a.test",source="files"} ${Date.UTC(2029) / 1000}`,
    'gatehouse_certificate_pair_fault{server_name="a.test",source="files"} 1',
  ]);
  pairs = [];
  assert.deepEqual(await read(), []);
});

test('what the parser refuses is counted by its status; a bad body is not counted twice', async (t) => {
  const gateway = await startGateway(t, { ...on, 'timeouts.headers': '1s' });
  const head = `Host: ${gateway.host}\r\n`;
  const target = '/v2/team/x/blobs/uploads/';
  const refused: [string, number][] = [
    ['GET /v2/ HTTP/1.1\r\nno header\r\n\r\n', 400],
    ['NONSENSE /v2/ HTTP/1.1\r\n\r\n', 405],
    [`GET /v2/ HTTP/1.1\r\n${head}`, 408],
    [`GET /v2/ HTTP/1.1\r\nX-Long: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
    // One that has begun already, so it is counted by its route.
    [`POST ${target} HTTP/1.1\r\n${head}Transfer-Encoding: chunked\r\n\r\nno chunk\r\n`, 400],
  ];
  for (const [bytes, status] of refused) {
    assert.match(await raw(gateway.port, bytes), new RegExp(`^HTTP/1\\.1 ${status} `));
  }
  const text = await scrape(gateway);
  const lines = text.split('\n').filter((line) => line.startsWith('gatehouse_http_requests_total{'));
  const malformed = lines.filter((line) => line.includes('route="malformed"'));
  assert.deepEqual(malformed.sort(), [
    'gatehouse_http_requests_total{route="malformed",method="other",status="400"} 1',
    'gatehouse_http_requests_total{route="malformed",method="other",status="405"} 1',
    'gatehouse_http_requests_total{route="malformed",method="other",status="408"} 1',
    'gatehouse_http_requests_total{route="malformed",method="other",status="431"} 1',
  ]);
});

test('no request makes a series of its own', async (t) => {
  const gateway = await startGateway(t, on);
  const before = (await scrape(gateway)).split('\n').length;
  for (let at = 0; at < 50; at++) {
    await request(gateway, { path: `/p${at}` });
    await request(gateway, { path: `/v2/r${at}/tags/list`, method: 'GET' });
    await request(gateway, { path: '/v2/', headers: { host: `h${at}` } });
    await request(as(gateway, `user${at}`, 'wrong'), { path: '/v2/' });
  }
  for (const method of ['PROPFIND', 'MKCOL', 'LINK', 'TRACE']) await request(gateway, { path: '/', method });
  const after = (await scrape(gateway)).split('\n').length;
  assert.ok(after - before < 150, `${after - before} more lines`);
});

test('/metrics is nothing for the front door, and off unless it is switched on', async (t) => {
  const gateway = await startGateway(t);
  assert.equal((await request(gateway, { path: '/metrics' })).status, 404);
  const status = (await callControl(dataPaths(gateway.config).gatewaySocket, 'GET', '/status')) as {
    metrics: unknown;
  };
  assert.equal(status.metrics, null);
});

test('what workers counted that are gone stays counted', async () => {
  const totals = new WorkerTotals();
  const snapshot = async (requests: number, connections: number) => {
    const metrics = workerMetrics();
    metrics.requests.inc({ route: 'base', method: 'GET', status: 200 }, requests);
    metrics.connections.set(connections);
    return metrics.registry.getMetricsAsJSON();
  };
  const series = 'gatehouse_http_requests_total{route="base",method="GET",status="200"}';
  const first = [
    { pid: 1, metrics: await snapshot(5, 2) },
    { pid: 2, metrics: await snapshot(7, 3) },
  ];
  const both = await mergeSnapshots(totals.merge(first));
  assert.equal(valueIn(both, series), 12);
  assert.equal(valueIn(both, 'gatehouse_connections_open'), 5);
  const later = await mergeSnapshots(totals.merge([{ pid: 3, metrics: await snapshot(1, 1) }]));
  assert.equal(valueIn(later, series), 13);
  assert.equal(valueIn(later, 'gatehouse_connections_open'), 1);
  const back = await mergeSnapshots(totals.merge([{ pid: 2, metrics: await snapshot(8, 1) }]));
  assert.equal(valueIn(back, series), 14);
});

test('every metric of the dashboard exists, and so does every one that the pages name', async () => {
  const known = new Set<string>();
  for (const { registry } of [workerMetrics(), hostMetrics()]) {
    for (const { name, type } of await registry.getMetricsAsJSON()) {
      known.add(name);
      if (String(type) !== 'histogram') continue;
      for (const end of ['_bucket', '_sum', '_count']) known.add(name + end);
    }
  }
  const dashboard = JSON.parse(read('docs/grafana-dashboard.json'));
  const expressions = dashboard.panels.flatMap((panel: { targets?: { expr: string }[] }) =>
    (panel.targets ?? []).map(({ expr }) => expr),
  );
  assert.ok(expressions.length >= 15);
  for (const text of [...expressions, read('docs/operations.md')]) {
    const named =
      text.match(/\b(?:gatehouse_[a-z]+_[a-z_]+|gatehouse_up|process_[a-z_]+|nodejs_[a-z_0-9]+)/g) ?? [];
    assert.deepEqual(
      named.filter((name: string) => !known.has(name)),
      [],
    );
  }
});

test('promtool finds nothing wrong', { skip: missingTool('promtool') }, async (t) => {
  const gateway = await startGateway(t, on);
  await request(gateway, { path: '/v2/' });
  const { code, stdout, stderr } = await run(findTool('promtool')!, ['check', 'metrics'], {
    input: await scrape(gateway),
  });
  // Its advice on names is for those of prom-client, too, which everybody has.
  const about = `${stdout}${stderr}`.split('\n').filter((line) => line.startsWith('gatehouse_'));
  assert.deepEqual(about, []);
  assert.ok(code === 0 || code === 3, stderr);
});

function read(path: string): string {
  return readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
}
