import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { watchPressure } from '../../gc/pressure.ts';
import { relieve } from '../../gc/relief.ts';
import { keepBallast } from '../../runtime/ballast.ts';
import { dataPaths } from '../../runtime/config.ts';
import { acquireLock } from '../../runtime/lock.ts';
import type { LogFields } from '../../runtime/log.ts';
import { until } from '../registry-core/support.ts';
import { openUpload } from '../registry-core/uploading.ts';
import { smallDisk } from '../support/disk.ts';
import { pushBlob, pushImage } from '../support/push.ts';
import { onEnd } from '../support/scope.ts';
import { notRoot } from '../support/tools.ts';
import { day, startWithTrash, type WithTrash } from './undo-support.ts';

/** Something in the trash, something condemned, an expired upload; beside it what people count on. */
async function crowded(registry: WithTrash) {
  const { core, collection } = registry;
  await pushBlob(core, 'old', 'in the trash');
  registry.age(3 * day);
  await registry.collect();
  await pushBlob(core, 'old', 'condemned');
  registry.age(3 * day - day / 2);
  while (!(await collection.mark(5)).done);
  registry.database.exec(`UPDATE trashed_blobs SET trashed_at = ${Date.now()}`);
  await openUpload(core, 'old');
  registry.age(2 * day);
  registry.database.exec(`UPDATE trashed_blobs SET trashed_at = ${Date.now()}`);
  await openUpload(core, 'new');
  await pushBlob(core, 'new', 'on its lease');
  await pushImage(core, 'new', 'latest');
}

test('trash, condemned files and expired uploads go; leases, and uploads under way, stay', async (t) => {
  const registry = await startWithTrash(t);
  await crowded(registry);
  const before = registry.rows('SELECT * FROM links ORDER BY digest');
  const report = await relieve(registry.config);
  assert.deepEqual(
    [report?.bytes_purged, report?.blobs_swept, report?.uploads_expired, report?.errors],
    ['in the trash'.length, 1, 1, []],
  );
  assert.equal(report?.bytes_freed, 'in the trash'.length + 'condemned'.length);
  assert.deepEqual(registry.rows('SELECT * FROM links ORDER BY digest'), before);
  const uploads = join(registry.config['storage.root'], 'uploads');
  assert.equal((await readdir(uploads)).length, 1);
  assert.deepEqual(registry.rows('SELECT * FROM trashed_blobs'), []);
});

test('while a run is under way it is left to that', async (t) => {
  const registry = await startWithTrash(t);
  await crowded(registry);
  const lock = await acquireLock(dataPaths(registry.config).collectorLock);
  assert.equal(await relieve(registry.config), undefined);
  assert.equal(registry.rows('SELECT * FROM trashed_blobs').length, 1);
  lock!.release();
});

test('with nothing to do for it the ballast stays, and where the disk is full it is for expired uploads', {
  skip: notRoot(),
}, async (t) => {
  const disk = await smallDisk(t, '64m');
  const registry = await startWithTrash(t, {}, disk.path);
  const { ballast } = dataPaths(registry.config);
  await keepBallast(ballast);
  await openUpload(registry.core, 'old');
  registry.database.pragma('wal_checkpoint(TRUNCATE)');
  await disk.fill();
  await relieve(registry.config);
  assert.ok(existsSync(ballast));
  disk.free();
  registry.age(2 * day);
  registry.database.pragma('wal_checkpoint(TRUNCATE)');
  await disk.fill();
  const report = await relieve(registry.config);
  assert.equal(report?.uploads_expired, 1);
  assert.ok(!existsSync(ballast));
});

test('the collector notices by itself that the disk is short, says so once, and purges', {
  skip: notRoot(),
}, async (t) => {
  const disk = await smallDisk(t, '64m');
  const registry = await startWithTrash(t, {
    'storage.reserve': '4MiB',
    'storage.root': disk.path,
  });
  await pushBlob(registry.core, 'old', Buffer.alloc(1000));
  registry.age(3 * day);
  await registry.collect();
  const warnings: [string, LogFields | undefined][] = [];
  const log = {
    debug() {},
    info() {},
    warn: (message: string, fields?: LogFields) => warnings.push([message, fields]),
    error: assert.fail,
  };
  const pressure = watchPressure(registry.config, log);
  onEnd(t, () => pressure.stop());
  await pressure.relieve();
  assert.equal(registry.rows('SELECT * FROM trashed_blobs').length, 1, 'there is room');
  await disk.fill();
  await until(async () => (await pressure.space()).short, 'the disk is short');
  await pressure.relieve();
  await pressure.relieve();
  assert.deepEqual(registry.rows('SELECT * FROM trashed_blobs'), []);
  assert.deepEqual(readdirSync(join(disk.path, 'trash')), []);
  assert.deepEqual(
    warnings.map(([message]) => message),
    ['the disk is short of space: trash and expired uploads go now', 'made room on a short disk'],
  );
  assert.equal(warnings[1]?.[1]?.['bytes_purged'], 1000);
});
