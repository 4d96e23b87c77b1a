import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { newReport } from '../../gc/report.ts';
import { collect } from '../../gc/run.ts';
import { sweep } from '../../gc/sweep.ts';
import type { Digest } from '../../oci/digest.ts';
import { UploadSessions } from '../../registry-core/upload-session.ts';
import { clockAfter, hour, image, openStores, type Stores, sha256 } from './support.ts';

/** A blob that nothing needs, already condemned by a run that went no further. */
async function condemnedBlob(stores: Stores) {
  const bytes = randomBytes(64);
  const digest = await stores.pushBlob('a', bytes);
  stores.age(100 * hour);
  while (!(await stores.collection.mark(5)).done);
  const [condemned] = await stores.collection.condemned('', 10);
  assert.equal(condemned?.digest, digest);
  return { bytes, digest, condemned: condemned! };
}

test('re-referenced between check and unlink: the push gets a new key, the old list is worth nothing (R4)', async (t) => {
  const stores = await openStores(t);
  const { bytes, digest, condemned } = await condemnedBlob(stores);
  await stores.pushBlob('a', bytes);
  await stores.store.remove(condemned.storageKey);
  assert.equal(await stores.collection.forgetCondemned([condemned]), 0);
  await stores.putManifest('a', image(digest, []), 'latest');
  await stores.collect();
  assert.ok(await stores.readable('a', digest));
});

test('re-uploaded while the unlink is in progress (R5)', async (t) => {
  const stores = await openStores(t);
  const { bytes, digest, condemned } = await condemnedBlob(stores);
  await stores.store.remove(condemned.storageKey);
  await stores.pushBlob('a', bytes);
  assert.equal(await stores.collection.forgetCondemned([condemned]), 0);
  assert.ok(await stores.readable('a', digest));
});

test('a mount between two steps of mark: while the link is there it holds the blob, after that it is refused (R3)', async (t) => {
  const stores = await openStores(t);
  const [early, late] = [await stores.pushBlob('early'), await stores.pushBlob('late')];
  stores.age(100 * hour);
  assert.ok(await stores.mount('b', early, 'early'));
  // A batch a transaction: both links go, and with its last link the blob that nobody mounted is condemned.
  while ((await linksOf(stores)).length > 1) await stores.collection.mark(0);
  assert.ok(!(await stores.mount('b', late, 'late')));
  const { blobs_condemned, blobs_swept } = await stores.collect();
  assert.deepEqual([blobs_condemned, blobs_swept], [0, 1]);
  assert.ok((await stores.readable('b', early)) && !(await stores.readable('b', late)));
});

async function linksOf({ database }: Stores): Promise<unknown[]> {
  return database.prepare('SELECT * FROM links').all();
}

test('a tag that comes between two steps of mark keeps the manifest that is next (R6)', async (t) => {
  const stores = await openStores(t);
  const blob = await stores.pushBlob('a');
  const bodies = [image(blob, []), image(blob, [blob])];
  for (const body of bodies) await stores.putManifest('a', body);
  stores.age(1000 * hour);
  assert.equal((await stores.collection.mark(0)).manifestsDeleted, 1);
  const [left] = stores.database.prepare('SELECT digest FROM manifests').pluck().all() as Digest[];
  const content = bodies.find((body) => sha256(Buffer.from(JSON.stringify(body))) === left)!;
  await stores.putManifest('a', content, 'latest');
  assert.equal((await stores.collect()).manifests_deleted, 0);
  assert.ok((await stores.headManifest('a', left!)) && (await stores.readable('a', blob)));
});

test('what a step of mark deleted does not exist for the core, at once (R8)', async (t) => {
  const stores = await openStores(t);
  const blob = await stores.pushBlob('a');
  const manifest = await stores.putManifest('a', image(blob, []));
  assert.ok((await stores.headBlob('a', blob)) && (await stores.headManifest('a', manifest)));
  stores.age(1000 * hour);
  assert.equal((await stores.collection.mark(0)).manifestsDeleted, 1);
  assert.ok(!(await stores.headManifest('a', manifest)));
  assert.equal((await stores.collection.mark(0)).linksDeleted, 1);
  assert.ok(!(await stores.headBlob('a', blob)));
  await assert.rejects(stores.putManifest('a', image(blob, [])), { code: 'MANIFEST_BLOB_UNKNOWN' });
});

test('a condemned blob is not there: neither HEAD nor mount promise it', async (t) => {
  const stores = await openStores(t);
  const { digest } = await condemnedBlob(stores);
  assert.ok(!(await stores.headBlob('a', digest)));
  assert.ok(!(await stores.mount('b', digest, 'a')));
  await assert.rejects(stores.putManifest('a', image(digest, [])), { code: 'MANIFEST_BLOB_UNKNOWN' });
});

test('two collectors sweep at once: each file is removed once, no row is lost', async (t) => {
  const stores = await openStores(t);
  const { bytes, digest } = await condemnedBlob(stores);
  const reports = [newReport(false, new Date()), newReport(false, new Date())];
  await Promise.all([
    ...reports.map((report) => sweep(stores.collection, stores.store, report)),
    stores.pushBlob('a', bytes),
  ]);
  assert.ok(await stores.readable('a', digest));
});

test('of two final PUTs that both saw the session open, one wins', async (t) => {
  const stores = await openStores(t);
  const digest = sha256(Buffer.of());
  const { id } = await stores.uploads.open('a', 'sha256', stores.context);
  const keys = [stores.store.newKey(digest), stores.store.newKey(digest)];
  const results = await Promise.all(keys.map((key) => stores.registry.closeSession(id, digest, key, 0)));
  assert.deepEqual(results.toSorted(), [false, true]);
});

test('a session that expired while it was being closed commits nothing, and its files go', async (t) => {
  const stores = await openStores(t);
  const digest = sha256(Buffer.of());
  const { id } = await stores.uploads.open('a', 'sha256', stores.context);
  const key = stores.store.newKey(digest);
  assert.ok(await stores.registry.closeSession(id, digest, key, 0));
  await stores.store.commitUpload(id, key);
  stores.age(100 * hour);
  assert.equal((await stores.collect()).uploads_expired, 1);
  assert.equal(await stores.store.size(key), undefined);
  const commit = stores.registry.commitBlob({ session: id, digest, size: 0, key, brokenKey: undefined });
  await assert.rejects(commit, { code: 'BLOB_UPLOAD_UNKNOWN' });
});

test('a session that expired before its file was there leaves no file', async (t) => {
  const { store, uploads, age, collect, context } = await openStores(t);
  const createUpload = store.createUpload.bind(store);
  let session = '';
  store.createUpload = async (id) => {
    session = id;
    age(100 * hour);
    assert.equal((await collect()).uploads_expired, 1);
    await createUpload(id);
  };
  await assert.rejects(uploads.open('a', 'sha256', context), { code: 'BLOB_UPLOAD_UNKNOWN' });
  assert.equal(await store.uploadSize(session), undefined);
});

test('a small upload that expired between its closing and its file leaves nothing', (t) =>
  expireBeforeFile(t, false));

test('nor does one whose core is then killed', (t) => expireBeforeFile(t, true));

async function expireBeforeFile(t: TestContext, isKilled: boolean): Promise<void> {
  const stores = await openStores(t);
  const { store, uploads, registry, context } = stores;
  const bytes = randomBytes(64);
  const journal = async () => (await registry.journal(0, 10)).map(({ key, neededBy }) => ({ key, neededBy }));
  const writeBlob = store.writeBlob.bind(store);
  let written = '';
  store.writeBlob = async (key, content) => {
    written = key;
    stores.age(100 * hour);
    assert.equal((await stores.collect()).uploads_expired, 1);
    await uploads.settle();
    assert.deepEqual(await journal(), [{ key, neededBy: 'nothing' }], 'it alone names the file');
    await writeBlob(key, content);
    if (isKilled) throw new Error('killed');
  };
  const { id } = await uploads.openWaiting('a', 'sha256', context);
  const finished = uploads.finish('a', id, sha256(bytes), bytes, () => undefined);
  await assert.rejects(finished, isKilled ? { message: 'killed' } : { code: 'BLOB_UPLOAD_UNKNOWN' });
  const next = new UploadSessions(registry, store, hour);
  assert.deepEqual(await next.recover(), []);
  await next.settle();
  assert.deepEqual([await store.size(written), await journal()], [undefined, []]);
}

test('the displaced key of a re-push is removed at once, and by the next run after a crash', async (t) => {
  const stores = await openStores(t);
  const bytes = randomBytes(64);
  const digest = await stores.pushBlob('a', bytes);
  await stores.pushBlob('b', bytes);
  assert.equal((await stores.collection.doomedKeys('blob', '', 10)).length, 0);
  const { id } = await stores.uploads.open('a', 'sha256', stores.context);
  const key = stores.store.newKey(digest);
  await stores.registry.closeSession(id, digest, key, 0);
  await stores.store.commitUpload(id, key);
  const { displaced } = await stores.registry.commitBlob({
    session: id,
    digest,
    size: 64,
    key,
    brokenKey: undefined,
  });
  assert.equal(displaced, key);
  await stores.collect();
  assert.equal(await stores.store.size(key), undefined);
  assert.ok(await stores.readable('a', digest));
});

test('two pushes of one digest at once: the key that came first stays, though both saw another', async (t) => {
  const stores = await openStores(t);
  const { bytes, digest } = await condemnedBlob(stores);
  const size = stores.store.size.bind(stores.store);
  let first: string | undefined;
  stores.store.size = async (key) => {
    stores.store.size = size;
    await stores.pushBlob('b', bytes);
    first = (await stores.registry.storedBlob(digest))?.storageKey;
    return size(key);
  };
  await stores.pushBlob('a', bytes);
  assert.equal((await stores.registry.storedBlob(digest))?.storageKey, first);
  assert.ok((await stores.readable('a', digest)) && (await stores.readable('b', digest)));
});

test('a file cut short on disk is healed by the next push of its digest', async (t) => {
  const stores = await openStores(t);
  const bytes = randomBytes(64);
  const digest = await stores.pushBlob('a', bytes);
  const { storageKey } = (await stores.registry.storedBlob(digest))!;
  const { truncateSync } = await import('node:fs');
  truncateSync(`${stores.root}/blobs/${storageKey}`, 1);
  assert.ok(!(await stores.readable('a', digest)));
  await stores.pushBlob('a', bytes);
  assert.ok(await stores.readable('a', digest));
});

test('no file goes before what condemned or doomed it survives power loss', async (t) => {
  const stores = await openStores(t);
  await condemnedBlob(stores);
  await stores.uploads.open('a', 'sha256', stores.context);
  stores.age(100 * hour);
  const order: string[] = [];
  const noted = <Target extends object>(target: Target, names: readonly (keyof Target & string)[]): Target =>
    new Proxy(target, {
      get(object, name) {
        const value = Reflect.get(object, name, object);
        if (typeof value !== 'function') return value;
        return (...parameters: unknown[]) => {
          if (names.some((known) => known === name)) order.push(String(name));
          return value.apply(object, parameters);
        };
      },
    });
  const collection = noted(stores.collection, ['makeDurable', 'expireSessions', 'mark']);
  const store = noted(stores.store, ['remove', 'discardUpload']);
  await collect({ collection, store, clock: clockAfter(0, 0), eventsRetentionMs: hour });
  assert.ok(order.includes('remove') && order.includes('discardUpload'), order.join(' '));
  const decided = order.findLastIndex((name) => name === 'mark' || name === 'expireSessions');
  assert.equal(order[decided + 1], 'makeDurable', order.join(' '));
  for (const name of ['remove', 'discardUpload'])
    assert.ok(order.indexOf(name) > decided + 1, order.join(' '));
});
