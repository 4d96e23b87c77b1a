import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { openDatabase } from '../../runtime/sqlite.ts';
import { ageRows, hour } from '../gc/support.ts';
import { assertError, until } from '../registry-core/support.ts';
import { finish, openUpload, patch } from '../registry-core/uploading.ts';
import { smallDisk } from '../support/disk.ts';
import { startGatehouse } from '../support/gatehouse.ts';
import { request, type Target } from '../support/http.ts';
import { digestOf, pushBlob, pushImage } from '../support/push.ts';
import { onEnd } from '../support/scope.ts';
import { notRoot } from '../support/tools.ts';

const mebibyte = 2 ** 20;

/** A registry on a disk of its own, with an image to keep and one whose leases are over. */
async function startOnSmallDisk(t: TestContext) {
  const disk = await smallDisk(t, '128m');
  const registry = await startGatehouse(t, {
    data: disk.path,
    env: { GATEHOUSE_GC_TRASH: '24h', GATEHOUSE_GC_SCHEDULE: 'off' },
  });
  const ballast = join(disk.path, 'run', 'ballast');
  await until(() => existsSync(ballast), 'the ballast');
  const kept = await pushImage(registry, 'app', 'kept', { layers: [randomBytes(mebibyte)] });
  const old = await pushImage(registry, 'app', 'old', { layers: [randomBytes(16 * mebibyte)] });
  const database = openDatabase(join(disk.path, 'registry.db'));
  onEnd(t, () => database.close());
  ageRows(database, 30 * hour);
  return {
    registry,
    disk,
    kept,
    hasBallast: () => existsSync(ballast),
    deleteOld: () => request(registry, { method: 'DELETE', path: `/v2/app/manifests/${old.digest}` }),
    /** Takes the last byte, also of the pages that SQLite has already. */
    async fill() {
      database.pragma('wal_checkpoint(TRUNCATE)');
      await disk.fill();
      assert.ok(disk.isFull());
    },
  };
}

async function untilRefused(target: Target): Promise<void> {
  await until(async () => {
    const answer = await request(target, { method: 'POST', path: '/v2/app/blobs/uploads/' });
    if (answer.status === 202) return false;
    assertError(answer, 507, 'STORAGE_FULL');
    return true;
  }, 'a refusal');
}

test('a disk that others filled to the last byte: pulls and deletions go on, a collection makes room, pushes come back', {
  skip: notRoot(),
}, async (t) => {
  const { registry, fill, kept, hasBallast, deleteOld } = await startOnSmallDisk(t);
  const at = await openUpload(registry, 'app');
  const bytes = randomBytes(mebibyte);
  assert.equal((await patch(registry, at, bytes.subarray(0, 1000))).status, 202);
  await fill();

  await untilRefused(registry);
  const status = await registry.cli(['status', '--json']);
  assert.equal(JSON.parse(status.stdout).storage.short, true);
  const layer = await request(registry, { path: `/v2/app/blobs/${kept.layers[0]!.digest}` });
  assert.equal(digestOf(layer.body), kept.layers[0]!.digest);

  const deleted = await deleteOld();
  assert.equal(deleted.status, 202, deleted.text);
  assert.ok(!hasBallast(), 'without its room nothing can be deleted');
  const report = JSON.parse(await registry.cliOk(['gc', '--json']));
  assert.ok(report.bytes_freed >= 16 * mebibyte, JSON.stringify(report));
  assert.equal(report.bytes_trashed, 0);

  const finished = await finish(registry, at, digestOf(bytes), bytes.subarray(1000));
  assert.equal(finished.status, 201, finished.text);
  await pushBlob(registry, 'app', randomBytes(mebibyte));
  assert.equal(JSON.parse(await registry.cliOk(['status', '--json'])).storage.short, false);
  const line = /^storage {6}.* free of 128\.0 MiB on .*, reserve 6\.4 MiB$/m;
  assert.match(await registry.cliOk(['status']), line);
});

test('on a disk that is full to the last byte a collection begins in the room of the ballast', {
  skip: notRoot(),
}, async (t) => {
  const { registry, fill, hasBallast, deleteOld } = await startOnSmallDisk(t);
  assert.equal((await deleteOld()).status, 202);
  await fill();
  const report = JSON.parse(await registry.cliOk(['gc', '--json']));
  assert.ok(report.bytes_freed >= 16 * mebibyte, JSON.stringify(report));
  assert.ok(!hasBallast());
  await pushBlob(registry, 'app', randomBytes(mebibyte));
});

test('the collector empties the trash as soon as the disk is short, without a run', {
  skip: notRoot(),
}, async (t) => {
  const { registry, disk, fill, deleteOld } = await startOnSmallDisk(t);
  assert.equal((await deleteOld()).status, 202);
  const report = JSON.parse(await registry.cliOk(['gc', '--json']));
  assert.ok(report.bytes_trashed >= 16 * mebibyte, JSON.stringify(report));
  await fill();
  // The core notices at the next push, and tells the collector: then there is room for the push.
  await until(async () => {
    await request(registry, { method: 'POST', path: '/v2/app/blobs/uploads/' });
    return readdirSync(join(disk.path, 'trash')).length === 0;
  }, 'an empty trash');
  await pushBlob(registry, 'app', randomBytes(mebibyte));
  const { gc } = JSON.parse(await registry.cliOk(['status', '--json']));
  assert.equal(gc.last_report.run, report.run);
  const refusals = registry
    .stderr()
    .split('\n')
    .filter((line) => line.includes('new uploads are refused'));
  assert.equal(refusals.length, 1, 'once, not per request');
});
