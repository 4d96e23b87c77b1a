import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdirSync, rmSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { test } from 'node:test';
import { newReport } from '../../gc/report.ts';
import { sweep } from '../../gc/sweep.ts';
import { type Collection, openCollection } from '../../registry-core/metadata/collection.ts';
import { onEnd, type Scope } from '../support/scope.ts';
import { clockAfter, hour, image, openStores, type Stores, sha256 } from './support.ts';

const day = 24 * hour;
const today = () => new Date().toISOString().slice(0, 10);

async function filesOf({ root }: Stores): Promise<string[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && !entry.name.startsWith('registry.db'))
    .map((entry) => entry.parentPath.slice(root.length + 1));
}

function rows({ database }: Stores, table: string): Record<string, unknown>[] {
  return database.prepare(`SELECT * FROM ${table}`).all() as Record<string, unknown>[];
}

/** No file is without a row, no row of the trash without a file. */
async function assertNamed(stores: Stores): Promise<void> {
  const trashed = rows(stores, 'trashed_blobs').map(({ day }) => `trash/${day}`);
  const kept = rows(stores, 'blobs').map(({ storage_key: key }) => `blobs/${String(key).slice(0, 9)}`);
  assert.deepEqual((await filesOf(stores)).sort(), [...trashed, ...kept].sort());
}

/** An untagged image of two blobs that the next run removes. */
async function garbage(stores: Stores): Promise<void> {
  const blobs = [await stores.pushBlob('team/app'), await stores.pushBlob('team/app')];
  await stores.putManifest('team/app', image(blobs[0]!, [blobs[1]!]));
  stores.age(100 * day);
}

async function condemn(stores: Stores): Promise<void> {
  while (!(await stores.collection.mark(5)).done);
}

test('a run moves files into the trash of the day, and writes down manifests and links', async (t) => {
  const stores = await openStores(t, { trashMs: day });
  await garbage(stores);
  const report = await stores.collect();
  assert.deepEqual(
    [report.blobs_swept, report.bytes_trashed, report.bytes_freed, report.bytes_purged, report.errors],
    [2, 128, 0, 0, []],
  );
  assert.deepEqual(await filesOf(stores), [`trash/${today()}`, `trash/${today()}`]);
  const { run } = report;
  assert.deepEqual(
    rows(stores, 'trashed_manifests').map((row) => [row['repository'], row['run']]),
    [['team/app', run]],
  );
  assert.equal(rows(stores, 'trashed_links').length, 2);
  for (const table of ['blobs', 'links', 'manifests', 'repositories', 'doomed_keys']) {
    assert.deepEqual(rows(stores, table), [], table);
  }
});

test('without gc.trash nothing is kept and nothing is written down', async (t) => {
  const stores = await openStores(t);
  await garbage(stores);
  const report = await stores.collect();
  assert.deepEqual([report.bytes_trashed, report.bytes_freed], [0, 128]);
  assert.deepEqual(await filesOf(stores), []);
  for (const table of ['trashed_blobs', 'trashed_manifests', 'trashed_links']) {
    assert.deepEqual(rows(stores, table), [], table);
  }
});

test('what a client deletes itself is not in the trash of a run, but its blobs are', async (t) => {
  const stores = await openStores(t, { trashMs: day });
  const blob = await stores.pushBlob('app');
  const digest = await stores.putManifest('app', image(blob, []), 'latest');
  stores.age(100 * day);
  await stores.deleteManifest('app', digest);
  assert.equal((await stores.collect()).bytes_trashed, 64);
  assert.deepEqual(rows(stores, 'trashed_manifests'), []);
  assert.deepEqual(
    rows(stores, 'trashed_links').map((row) => row['digest']),
    [blob],
  );
});

test('what was in the trash for its time is purged, files first, and counted as freed', async (t) => {
  const stores = await openStores(t, { trashMs: day });
  await garbage(stores);
  await stores.collect();
  stores.age(day - hour);
  assert.equal((await stores.collect()).bytes_purged, 0);
  stores.age(2 * hour);
  const report = await stores.collect();
  assert.deepEqual([report.bytes_purged, report.bytes_freed, report.errors], [128, 128, []]);
  assert.deepEqual(await filesOf(stores), []);
  assert.deepEqual(await readdir(`${stores.root}/trash`), []);
  for (const table of ['trashed_blobs', 'trashed_manifests', 'trashed_links']) {
    assert.deepEqual(rows(stores, table), [], table);
  }
});

test('gc.trash set back to 0: the next run purges all of it', async (t) => {
  const stores = await openStores(t, { trashMs: day });
  await garbage(stores);
  await stores.collect();
  const collection = reopened(t, stores, 0);
  const report = await stores.collect(undefined, { collection });
  assert.deepEqual([report.bytes_purged, report.bytes_freed], [128, 128]);
  assert.deepEqual(await filesOf(stores), []);
  assert.deepEqual(rows(stores, 'trashed_manifests'), []);
});

function reopened(t: Scope, { path, retention }: Stores, trashMs: number) {
  const collection = openCollection(path, { ...retention, trashMs });
  onEnd(t, () => collection.close());
  return collection;
}

test('a clock that jumped purges nothing by age', async (t) => {
  const stores = await openStores(t, { trashMs: day });
  await garbage(stores);
  await stores.collect();
  stores.age(100 * day);
  const report = await stores.collect(clockAfter(24 * 365, 0));
  assert.deepEqual([report.clock_suspect, report.bytes_purged], [true, 0]);
  assert.equal((await filesOf(stores)).length, 2);
});

test('a clock that jumps during the run purges nothing by age', async (t) => {
  const stores = await openStores(t, { trashMs: day });
  await garbage(stores);
  await stores.collect();
  const checkClock: Collection['checkClock'] = async (reading) => {
    const verdict = await stores.collection.checkClock(reading);
    t.mock.timers.enable({ apis: ['Date'], now: Date.now() + 365 * day });
    return verdict;
  };
  const report = await stores.collect(undefined, { collection: { ...stores.collection, checkClock } });
  t.mock.timers.reset();
  assert.deepEqual([report.clock_suspect, report.bytes_purged], [false, 0]);
  assert.equal((await filesOf(stores)).length, 2);
});

test('a run cut off between row, rename and forget is finished by the next one', async (t) => {
  for (const moved of [0, 1, 2]) {
    const stores = await openStores(t, { trashMs: day });
    await garbage(stores);
    await condemn(stores);
    const recorded = await stores.collection.trash.record(await stores.collection.condemned('', 10));
    assert.equal(recorded.length, 2);
    for (const { storageKey, day } of recorded.slice(0, moved)) await stores.store.trash(storageKey, day);
    const report = await stores.collect();
    assert.deepEqual([report.blobs_swept, report.bytes_trashed, report.errors], [2, 64 * (2 - moved), []]);
    await assertNamed(stores);
    assert.equal(rows(stores, 'trashed_blobs').length, 2);
  }
});

test('cut off, and the next run is on another day: the file is where its row says', async (t) => {
  const stores = await openStores(t, { trashMs: day });
  await garbage(stores);
  await condemn(stores);
  await stores.collection.trash.record(await stores.collection.condemned('', 10));
  stores.database.exec("UPDATE trashed_blobs SET day = '2020-01-01'");
  await stores.collect();
  assert.deepEqual(await filesOf(stores), ['trash/2020-01-01', 'trash/2020-01-01']);
});

test('cut off with gc.trash, finished without: no file and no row is left', async (t) => {
  const stores = await openStores(t, { trashMs: day });
  await garbage(stores);
  await condemn(stores);
  const [first] = await stores.collection.trash.record(await stores.collection.condemned('', 10));
  await stores.store.trash(first!.storageKey, first!.day);
  await stores.collect(undefined, { collection: reopened(t, stores, 0) });
  assert.deepEqual(await filesOf(stores), []);
  assert.deepEqual([rows(stores, 'blobs'), rows(stores, 'trashed_blobs')], [[], []]);
});

test('a push that revives a digest at any step of its way to the trash leaves nothing unnamed', async (t) => {
  for (const step of ['condemned', 'recorded', 'moved', 'moved and synced'] as const) {
    const stores = await openStores(t, { trashMs: day });
    const bytes = randomBytes(64);
    const digest = await stores.pushBlob('app', bytes);
    stores.age(100 * day);
    await condemn(stores);
    const condemned = await stores.collection.condemned('', 10);
    if (step === 'condemned') await stores.pushBlob('app', bytes);
    const recorded = await stores.collection.trash.record(condemned);
    assert.equal(recorded.length, step === 'condemned' ? 0 : 1);
    if (step === 'recorded') await stores.pushBlob('app', bytes);
    for (const { storageKey, day } of recorded) await stores.store.trash(storageKey, day);
    if (step === 'moved') await stores.pushBlob('app', bytes);
    await stores.store.syncRemovals();
    if (step === 'moved and synced') await stores.pushBlob('app', bytes);
    assert.equal(await stores.collection.forgetCondemned(recorded), 0, step);
    assert.deepEqual(await stores.collection.trash.record(condemned), [], 'a list made earlier');
    await stores.collect();
    assert.ok(await stores.readable('app', digest), step);
    stores.age(2 * hour + day);
    await stores.putManifest('app', image(await stores.pushBlob('app', bytes), []), 'latest');
    assert.deepEqual((await stores.collect()).errors, []);
    assert.ok(await stores.readable('app', digest), step);
    assert.equal(rows(stores, 'trashed_blobs').length, 0, step);
    await assertNamed(stores);
  }
});

test('a whole batch that is revived before it is recorded does not end the sweep', async (t) => {
  const stores = await openStores(t, { trashMs: day });
  const contents = [randomBytes(64), randomBytes(64)];
  for (const bytes of contents) await stores.pushBlob('app', bytes);
  stores.age(100 * day);
  await condemn(stores);
  let revived: string | undefined;
  const condemned: Collection['condemned'] = async (after) => {
    const found = await stores.collection.condemned(after, 1);
    if (revived === undefined) {
      revived = found[0]!.digest;
      await stores.pushBlob(
        'app',
        contents.find((bytes) => sha256(bytes) === revived),
      );
    }
    return found;
  };
  const report = newReport(false, new Date());
  await sweep({ ...stores.collection, condemned }, stores.store, report);
  assert.deepEqual([report.blobs_swept, report.bytes_trashed], [1, 64]);
});

test('the row of a file that may be moved any moment stays, whoever is done with it', async (t) => {
  const stores = await openStores(t, { trashMs: day });
  const { collection, registry, store } = stores;
  const bytes = randomBytes(64);
  const digest = await stores.pushBlob('app', bytes);
  stores.age(100 * day);
  await condemn(stores);
  const [recorded] = await collection.trash.record(await collection.condemned('', 10));
  await collection.trash.forget([recorded!]);
  assert.equal(rows(stores, 'trashed_blobs').length, 1, 'condemned');
  // A push whose displaced file cannot be removed: the collector moves it after all.
  const { id } = await stores.uploads.open('app', 'sha256', stores.context);
  const key = store.newKey(digest);
  await registry.closeSession(id, digest, key, 64);
  await registry.commitBlob({ session: id, digest, size: 64, key, brokenKey: undefined });
  await collection.trash.forget([recorded!]);
  assert.equal(rows(stores, 'trashed_blobs').length, 1, 'doomed');
  await store.trash(recorded!.storageKey, recorded!.day);
  await stores.putManifest('app', image(digest, []), 'latest');
  stores.age(2 * day);
  assert.deepEqual((await stores.collect()).errors, []);
  assert.deepEqual([rows(stores, 'trashed_blobs'), rows(stores, 'doomed_keys')], [[], []]);
  assert.ok(!(await filesOf(stores)).some((directory) => directory.startsWith('trash')));
});

test('a file that cannot go into the trash is reported, stays condemned, and stops nothing', async (t) => {
  const stores = await openStores(t, { trashMs: day });
  await garbage(stores);
  await condemn(stores);
  const [stuck] = await stores.collection.trash.record(await stores.collection.condemned('', 10));
  const place = `${stores.root}/trash/${stuck!.day}/${stuck!.storageKey.slice(10)}`;
  mkdirSync(`${place}/in the way`, { recursive: true });
  const report = await stores.collect();
  assert.deepEqual([report.blobs_swept, report.errors.map(({ what }) => what)], [1, [stuck!.storageKey]]);
  rmSync(place, { recursive: true });
  assert.equal((await stores.collect()).blobs_swept, 1);
  await assertNamed(stores);
});

test('no room for the trash: the file goes at once', async (t) => {
  const stores = await openStores(t, { trashMs: day });
  await garbage(stores);
  const { store } = stores;
  const full = new Proxy(store, {
    get(target, name) {
      if (name === 'trash') return async () => Promise.reject(Object.assign(new Error(), { code: 'ENOSPC' }));
      const value = Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  const report = await stores.collect(undefined, { store: full });
  assert.deepEqual([report.bytes_trashed, report.bytes_freed, report.errors], [0, 128, []]);
  assert.deepEqual(await filesOf(stores), []);
});

test('on a short disk nothing goes into the trash, and all that is there goes', async (t) => {
  const stores = await openStores(t, { trashMs: day });
  await garbage(stores);
  await stores.collect();
  await garbage(stores);
  const report = await stores.collect(undefined, { isShort: async () => true });
  assert.deepEqual([report.bytes_trashed, report.bytes_purged, report.bytes_freed], [0, 128, 256]);
  assert.deepEqual(await filesOf(stores), []);
});

test('two collectors put the same files into the trash: each once', async (t) => {
  const stores = await openStores(t, { trashMs: day });
  await garbage(stores);
  await condemn(stores);
  const reports = [newReport(false, new Date()), newReport(false, new Date())];
  await Promise.all(reports.map((report) => sweep(stores.collection, stores.store, report)));
  assert.deepEqual(
    [reports[0]!.bytes_trashed + reports[1]!.bytes_trashed, reports.flatMap(({ errors }) => errors)],
    [128, []],
  );
  await assertNamed(stores);
});

test('a dry run says what would go into the trash, and what out of it', async (t) => {
  const { plan } = await import('../../gc/run.ts');
  const stores = await openStores(t, { trashMs: day });
  await garbage(stores);
  await stores.collect();
  stores.age(2 * day);
  await garbage(stores);
  const planned = await plan(stores.collection);
  const report = await stores.collect();
  for (const field of ['bytes_trashed', 'bytes_purged', 'bytes_freed', 'held_bytes'] as const) {
    assert.equal(planned[field], report[field], field);
  }
  assert.deepEqual([report.bytes_trashed, report.bytes_purged], [128, 128]);
});
