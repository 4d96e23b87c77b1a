import assert from 'node:assert/strict';
import { rmSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { collect } from '../../gc/run.ts';
import { acquireLock } from '../../runtime/lock.ts';
import { replacing } from '../registry-core/support.ts';
import { cannotMount, smallDisk } from '../support/disk.ts';
import { failingCalls } from './faults-calls.ts';
import { clockAfter, hour, image, openStores, type Stores } from './support.ts';

// A disk that goes bad under the real store. The run goes on, reports what it could not do, and deletes nothing that
// it is not sure of.

/** Blobs that nothing needs, in repositories of their own, and one that a tag keeps. */
async function garbageBesideLive(stores: Stores) {
  const live = await stores.pushBlob('live');
  await stores.putManifest('live', image(live, []), 'latest');
  const garbage = await Promise.all(['a', 'b', 'c'].map((repository) => stores.pushBlob(repository)));
  const keys = await Promise.all(
    garbage.map(async (digest) => (await stores.registry.storedBlob(digest))!.storageKey),
  );
  stores.age(100 * hour);
  return { live, garbage, keys };
}

const count = ({ database }: Stores, table: string) =>
  database.prepare(`SELECT count(*) FROM ${table}`).pluck().get();

for (const call of ['stat', 'unlink'] as const) {
  for (const code of ['EIO', 'EACCES']) {
    test(`${code} at ${call} of one file: reported, the others go, the next run takes it`, async (t) => {
      const calls = failingCalls(t);
      const stores = await openStores(t);
      const { live, keys } = await garbageBesideLive(stores);
      const stuck = keys[1]!;
      calls.fail(call, code, new RegExp(stuck));
      const report = await stores.collect();
      assert.deepEqual([report.blobs_condemned, report.blobs_swept], [3, 2]);
      assert.deepEqual(
        report.errors.map(({ what }) => what),
        [stuck],
      );
      assert.match(report.errors[0]!.message, new RegExp(code));
      calls.heal();
      assert.equal(await stores.store.size(stuck), 64, 'a file that a row still names');
      const next = await stores.collect();
      assert.deepEqual([next.blobs_swept, next.bytes_freed, next.errors], [1, 64, []]);
      assert.equal(await stores.store.size(stuck), undefined);
      assert.ok(await stores.readable('live', live));
    });
  }
}

test('files whose removal could not be made durable keep their rows until it is', async (t) => {
  const calls = failingCalls(t);
  const stores = await openStores(t);
  const { live, keys } = await garbageBesideLive(stores);
  const { id } = await stores.uploads.open('abandoned', 'sha256', stores.context);
  stores.age(100 * hour);
  calls.fail('sync', 'EIO', /./);
  const report = await stores.collect();
  assert.deepEqual([report.blobs_condemned, report.blobs_swept], [3, 0]);
  assert.ok(report.errors.length > 0 && report.errors.every(({ message }) => /EIO/.test(message)));
  assert.deepEqual(
    (await stores.collection.condemned('', 10)).map(({ storageKey }) => storageKey).toSorted(),
    keys.toSorted(),
  );
  assert.deepEqual(await stores.collection.doomedKeys('upload', '', 10), [
    { kind: 'upload', storageKey: id },
  ]);
  calls.heal();
  calls.passed();
  const next = await stores.collect();
  assert.deepEqual([next.blobs_swept, next.errors], [3, []]);
  const synced = new Set(calls.passed().flatMap(({ call, path }) => (call === 'sync' ? [path] : [])));
  for (const key of keys) assert.ok(synced.has(join(stores.root, 'blobs', key, '..')), key);
  assert.ok(synced.has(join(stores.root, 'uploads')));
  assert.deepEqual([count(stores, 'doomed_keys'), count(stores, 'blobs')], [0, 1]);
  assert.ok(await stores.readable('live', live));
});

test('removals are synced before any row that names them goes, a directory once for a batch', async (t) => {
  const calls = failingCalls(t);
  const stores = await openStores(t);
  const { keys } = await garbageBesideLive(stores);
  calls.passed();
  const forgotten: string[][] = [];
  const collection = replacing(stores.collection, {
    forgetCondemned: (blobs) => {
      forgotten.push(calls.passed().flatMap(({ call, path }) => (call === 'sync' ? [path] : [])));
      return stores.collection.forgetCondemned(blobs);
    },
  });
  await collect({ collection, store: stores.store, clock: clockAfter(0, 0), eventsRetentionMs: hour });
  const directories = new Set(keys.map((key) => join(stores.root, 'blobs', key, '..')));
  assert.equal(forgotten.length, 1, 'one batch');
  assert.deepEqual(forgotten[0]!.toSorted(), [...directories].toSorted());
});

test('doomed files that cannot be removed keep their keys, and stop nothing', async (t) => {
  const calls = failingCalls(t);
  const stores = await openStores(t);
  const sessions = await Promise.all(
    ['a', 'b', 'c'].map((repository) => stores.uploads.open(repository, 'sha256', stores.context)),
  );
  const stuck = sessions[0]!.id;
  stores.age(100 * hour);
  calls.fail('unlink', 'EACCES', new RegExp(stuck));
  const report = await stores.collect();
  assert.equal(report.uploads_expired, 3);
  assert.deepEqual(
    report.errors.map(({ what }) => what),
    [stuck],
  );
  assert.deepEqual(await stores.collection.doomedKeys('upload', '', 10), [
    { kind: 'upload', storageKey: stuck },
  ]);
  assert.equal(await stores.store.uploadSize(stuck), 0);
  calls.heal();
  assert.deepEqual((await stores.collect()).errors, []);
  assert.equal(count(stores, 'doomed_keys'), 0);
});

test('files of garbage that are empty or gone already are no errors', async (t) => {
  const stores = await openStores(t);
  const { live, keys } = await garbageBesideLive(stores);
  truncateSync(join(stores.root, 'blobs', keys[0]!), 0);
  rmSync(join(stores.root, 'blobs', keys[1]!));
  const report = await stores.collect();
  assert.deepEqual([report.blobs_swept, report.bytes_freed, report.errors], [3, 64, []]);
  assert.ok(await stores.readable('live', live));
});

test('live files that are empty, unreadable or gone are left to the core: no run looks at them', async (t) => {
  const calls = failingCalls(t);
  const stores = await openStores(t);
  const digests = await Promise.all([1, 2, 3].map(() => stores.pushBlob('live')));
  await stores.putManifest('live', image(digests[0]!, digests.slice(1)), 'latest');
  const [empty, gone, unreadable] = await Promise.all(
    digests.map(async (digest) => (await stores.registry.storedBlob(digest))!.storageKey),
  );
  truncateSync(join(stores.root, 'blobs', empty!), 0);
  rmSync(join(stores.root, 'blobs', gone!));
  calls.fail('stat', 'EIO', new RegExp(unreadable!));
  calls.fail('open', 'EIO', new RegExp(unreadable!));
  calls.passed();
  stores.age(1000 * hour);
  const report = await stores.collect();
  assert.deepEqual([report.links_deleted, report.blobs_condemned, report.errors], [0, 0, []]);
  assert.deepEqual(
    calls.passed().filter(({ path }) => path.includes('/blobs/')),
    [],
  );
  assert.equal(count(stores, 'blobs'), 3);
});

test('a repository in doubt keeps what it has; what others have beside it goes', async (t) => {
  const stores = await openStores(t);
  const shared = await stores.pushBlob('doubtful');
  const alone = await stores.pushBlob('plain');
  await stores.mount('plain', shared, 'doubtful');
  const manifest = await stores.putManifest('doubtful', image(shared, []));
  await stores.putManifest('doubtful', image(shared, [shared]));
  await stores.putManifest('plain', image(alone, []));
  stores.database.prepare("UPDATE manifests SET kind = 'x' WHERE digest = ?").run(manifest);
  stores.age(1000 * hour);
  for (const round of [1, 2]) {
    const report = await stores.collect();
    assert.deepEqual(
      [report.manifests_deleted, report.links_deleted, report.blobs_swept],
      round === 1 ? [1, 2, 1] : [0, 0, 0],
    );
    assert.deepEqual(
      report.errors.map(({ what }) => what),
      ['repository doubtful'],
    );
    stores.age(2 * hour);
  }
  assert.ok(await stores.readable('doubtful', shared));
  assert.ok(!(await stores.readable('plain', shared)) && !(await stores.readable('plain', alone)));
  // Whoever knows the type again, or deletes it, ends the doubt.
  stores.database.prepare("UPDATE manifests SET kind = 'image' WHERE digest = ?").run(manifest);
  stores.age(2 * hour);
  assert.deepEqual((await stores.collect()).errors, []);
  assert.deepEqual([count(stores, 'manifests'), count(stores, 'blobs')], [0, 0]);
});

test('on a full disk a collector can still take its lock', { skip: cannotMount() }, async (t) => {
  const disk = await smallDisk(t, '1m');
  await disk.fill();
  assert.ok(disk.isFull());
  const lock = await acquireLock(join(disk.path, 'lock.db'));
  assert.ok(lock);
  assert.equal(await acquireLock(join(disk.path, 'lock.db')), undefined);
  lock.release();
});

test('a wall clock that jumps a year during a run deletes nothing by age', async (t) => {
  const stores = await openStores(t);
  const blob = await stores.pushBlob('a');
  const { id } = await stores.uploads.open('a', 'sha256', stores.context);
  const collection = replacing(stores.collection, {
    async checkClock(reading) {
      const verdict = await stores.collection.checkClock(reading);
      t.mock.timers.enable({ apis: ['Date'], now: Date.now() + 8760 * hour });
      return verdict;
    },
  });
  const run = { collection, store: stores.store, eventsRetentionMs: 30 * 24 * hour };
  const report = await collect({ ...run, clock: clockAfter(0, 0) });
  t.mock.timers.reset();
  assert.deepEqual([report.clock_suspect, report.links_deleted, report.uploads_expired], [false, 0, 0]);
  assert.ok(await stores.readable('a', blob));
  assert.equal(await stores.store.uploadSize(id), 0);
  assert.ok((count(stores, 'events') as number) > 0, 'the journal is not trimmed either');
});

test('a wall clock that is put back two days during a run: leases given since are not over', async (t) => {
  const stores = await openStores(t);
  await stores.pushBlob('a');
  const collection = replacing(stores.collection, {
    async checkClock(reading) {
      const verdict = await stores.collection.checkClock(reading);
      // What a push writes now, by the clock that was put back.
      stores.age(48 * hour);
      t.mock.timers.enable({ apis: ['Date'], now: Date.now() - 48 * hour });
      return verdict;
    },
  });
  const run = { collection, store: stores.store, eventsRetentionMs: 30 * 24 * hour };
  const report = await collect({ ...run, clock: clockAfter(0, 0) });
  t.mock.timers.reset();
  assert.equal(report.links_deleted, 0);
});
