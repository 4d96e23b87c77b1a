import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Pull, Pulls } from '../../registry-core/metadata/pulls.ts';
import { temporaryDirectory } from '../support/files.ts';
import { request } from '../support/http.ts';
import { describeBlob, OCI_CONFIG, pushBlob } from '../support/push.ts';
import type { Scope } from '../support/scope.ts';
import { getManifest, image, putManifest } from './manifests.ts';
import { openStores, rowsOf, startCore, startCoreProcess, withRows } from './support.ts';

const hour = 3_600_000;

/** Pulls with a clock and a writer of the test's own. */
function notedPulls(t: Scope & { mock: import('node:test').MockTracker }, write?: () => Promise<void>) {
  t.mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 100 * hour });
  const written: string[][] = [];
  const pulls = new Pulls(async (batch: readonly Pull[]) => {
    await write?.();
    written.push(batch.map(({ repository, reference }) => `${repository}:${Object.values(reference)[0]}`));
  });
  return { pulls, written, timers: t.mock.timers };
}

test('pulls are written together, once a minute, each name once', async (t) => {
  const { pulls, written, timers } = notedPulls(t);
  for (let count = 0; count < 100; count++) pulls.note('a', { tag: 'latest' }, 0);
  pulls.note('b', { tag: 'latest' }, 0);
  timers.tick(59_999);
  assert.deepEqual(written, []);
  timers.tick(1);
  await pulls.flush();
  assert.deepEqual(written, [['a:latest', 'b:latest']]);
  timers.tick(600_000);
  assert.equal(written.length, 1, 'nothing waits, nothing is written');
});

test('a pull of what was pulled within the hour is not written again', (t) => {
  const { pulls } = notedPulls(t);
  const now = Date.now();
  assert.equal(pulls.note('a', { tag: 'x' }, now - hour), false);
  assert.equal(pulls.note('a', { tag: 'x' }, now - hour - 1), true);
  assert.equal(pulls.note('a', { tag: 'x' }, now - hour - 1), false, 'it waits already');
  assert.deepEqual([pulls.waitingSince('a', { tag: 'x' }), pulls.waitingSince('a', { tag: 'y' })], [now, 0]);
});

test('very many pulls do not wait for the minute', async (t) => {
  const { pulls, written } = notedPulls(t);
  for (let count = 0; count < 1100; count++) pulls.note('a', { tag: `t${count}` }, 0);
  await pulls.flush();
  assert.deepEqual(
    written.map(({ length }) => length),
    [500, 500, 100],
  );
});

test('what could not be written is tried again, and does not grow without end', async (t) => {
  let isFull = true;
  const { pulls, written, timers } = notedPulls(t, async () => {
    if (isFull) throw new Error('full');
  });
  for (let count = 0; count < 3000; count++) {
    pulls.note('a', { tag: `t${count}` }, 0);
    await pulls.flush();
  }
  assert.deepEqual(written, []);
  isFull = false;
  timers.tick(60_000);
  await pulls.flush();
  assert.deepEqual(
    written.map(({ length }) => length),
    [499],
  );
});

test('GET of a manifest notes tag or digest, HEAD the tag; HEAD of a digest and GET of a blob note nothing', async (t) => {
  const core = await startCore(t);
  const config = Buffer.from('{}');
  await pushBlob(core, 'a', config);
  const body = image(describeBlob(OCI_CONFIG, config));
  const { headers } = await putManifest(core, 'a', 'latest', body);
  const digest = String(headers['docker-content-digest']);
  const pulledAt = async (table: string) => {
    await core.registry.flushPulls();
    return Number(rowsOf(core.config, `SELECT max(pulled_at) AS at FROM ${table}`)[0]!['at']);
  };
  await request(core, { method: 'HEAD', path: `/v2/a/manifests/${digest}` });
  await request(core, { path: `/v2/a/blobs/${describeBlob(OCI_CONFIG, config).digest}` });
  assert.deepEqual([await pulledAt('tags'), await pulledAt('manifests')], [0, 0]);
  const before = Date.now();
  await request(core, { method: 'HEAD', path: '/v2/a/manifests/latest' });
  assert.ok((await pulledAt('tags')) >= before);
  withRows(core.config, (database) => database.exec('UPDATE tags SET pulled_at = 0'));
  await getManifest(core, 'a', 'latest');
  assert.ok((await pulledAt('tags')) >= before);
  assert.equal(await pulledAt('manifests'), 0);
  await getManifest(core, 'a', digest);
  assert.ok((await pulledAt('manifests')) >= before);
});

test('a row is written again when its time is over an hour old, not before', async (t) => {
  const core = await startCore(t);
  const config = Buffer.from('{}');
  await pushBlob(core, 'a', config);
  await putManifest(core, 'a', 'latest', image(describeBlob(OCI_CONFIG, config)));
  for (const [minutesAgo, isWritten] of [
    [59, false],
    [61, true],
  ] as const) {
    const at = Date.now() - minutesAgo * 60_000;
    withRows(core.config, (database) => database.exec(`UPDATE tags SET pulled_at = ${at}`));
    await getManifest(core, 'a', 'latest');
    await core.registry.flushPulls();
    assert.equal(rowsOf(core.config, 'SELECT pulled_at FROM tags')[0]!['pulled_at'] !== at, isWritten);
  }
});

test('who noted a pull by a row that was read long before writes nothing anew', async (t) => {
  const core = await startCore(t);
  const config = Buffer.from('{}');
  await pushBlob(core, 'a', config);
  await putManifest(core, 'a', 'latest', image(describeBlob(OCI_CONFIG, config)));
  const stale = await core.registry.promiseManifest('a', { tag: 'latest' });
  const at = Date.now() - 60_000;
  withRows(core.config, (database) => database.exec(`UPDATE tags SET pulled_at = ${at}`));
  core.registry.notePull('a', { tag: 'latest' }, stale!);
  await core.registry.flushPulls();
  assert.equal(rowsOf(core.config, 'SELECT pulled_at FROM tags')[0]!['pulled_at'], at);
});

test('pulls that wait are written when the store closes', async (t) => {
  const core = await startCore(t);
  const config = Buffer.from('{}');
  await pushBlob(core, 'a', config);
  await putManifest(core, 'a', 'latest', image(describeBlob(OCI_CONFIG, config)));
  const { registry } = await openStores(core.config);
  const manifest = await registry.promiseManifest('a', { tag: 'latest' });
  registry.notePull('a', { tag: 'latest' }, manifest!);
  await registry.close();
  assert.ok(Number(rowsOf(core.config, 'SELECT pulled_at FROM tags')[0]!['pulled_at']) > 0);
});

test('a core that is stopped writes its pulls, one that is killed loses those of the last minute', async (t) => {
  const data = await temporaryDirectory(t);
  const first = await startCoreProcess(t, data);
  const config = Buffer.from('{}');
  await pushBlob(first, 'a', config);
  await putManifest(first, 'a', 'latest', image(describeBlob(OCI_CONFIG, config)));
  const pulledAt = () => Number(rowsOf(first.config, 'SELECT pulled_at FROM tags')[0]!['pulled_at']);
  await getManifest(first, 'a', 'latest');
  await first.kill();
  assert.equal(pulledAt(), 0);
  const second = await startCoreProcess(t, data);
  await getManifest(second, 'a', 'latest');
  assert.equal(await second.stop(), 0);
  assert.ok(pulledAt() > 0);
});
