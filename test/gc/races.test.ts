import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { newReport } from '../../gc/report.ts';
import { sweep } from '../../gc/sweep.ts';
import { hour, image, openStores, type Stores, sha256 } from './support.ts';

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
  const commit = stores.registry.commitBlob({ session: id, digest, size: 0, key, keepKey: undefined });
  await assert.rejects(commit, { code: 'BLOB_UPLOAD_UNKNOWN' });
});

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
  const kept = (await stores.registry.storedBlob(digest))!.storageKey;
  const { displaced } = await stores.registry.commitBlob({
    session: id,
    digest,
    size: 64,
    key,
    keepKey: kept,
  });
  assert.equal(displaced, key);
  await stores.collect();
  assert.equal(await stores.store.size(key), undefined);
  assert.ok(await stores.readable('a', digest));
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
