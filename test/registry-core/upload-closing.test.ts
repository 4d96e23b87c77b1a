import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readdirSync, rmSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import type { Digest } from '../../oci/digest.ts';
import type { BlobStore } from '../../registry-core/storage/blob-store.ts';
import type { Config } from '../../runtime/config-schema.ts';
import { digestOf, pushBlob } from '../support/push.ts';
import {
  assertError,
  coreConfig,
  openStores,
  replacing,
  rowsOf,
  somebody,
  startCore,
  type TestCore,
} from './support.ts';
import { finish, getBlob, openUpload, patch, someBytes } from './uploading.ts';

const bytes = someBytes(5000);
const digest = digestOf(bytes) as Digest;

/** The stores as a core leaves them that was killed between closing a session and committing its blob. */
async function crashWhileClosing(config: Config, renamed: boolean) {
  const { store, registry } = await openStores(config);
  const id = randomUUID();
  await registry.openSession({ id, repository: 'closing', algorithm: 'sha256' }, somebody);
  await store.createUpload(id);
  const file = await store.openUpload(id, 0);
  await file.append([bytes]);
  await file.sync();
  await file.close();
  const key = store.newKey(digest);
  assert.equal(await registry.closeSession(id, digest, key, bytes.length), true);
  if (renamed) await store.commitUpload(id, key);
  await registry.close();
  return { id, key };
}

function filesOf({ config }: TestCore, folder: string): string[] {
  const entries = readdirSync(join(config['storage.root'], folder), { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map(({ name }) => name);
}

for (const renamed of [false, true]) {
  test(`a crash ${renamed ? 'after' : 'before'} the rename: the next start finishes the upload`, async (t) => {
    const config = await coreConfig(t);
    const { id, key } = await crashWhileClosing(config, renamed);
    const core = await startCore(t, { data: config.data });
    const got = await getBlob(core, 'closing', digest);
    assert.deepEqual(got.body, bytes);
    assert.deepEqual(rowsOf(config, 'SELECT storage_key, state FROM blobs'), [
      { storage_key: key, state: 'present' },
    ]);
    assert.deepEqual(rowsOf(config, 'SELECT * FROM upload_sessions'), []);
    assert.deepEqual(filesOf(core, 'uploads'), []);
    const [event] = rowsOf(config, 'SELECT kind, repository, digest, actor FROM events');
    assert.deepEqual(event, { kind: 'blob.push', repository: 'closing', digest, actor: 'alice' });
    assert.ok(id);
  });
}

test('a crash while the same blob is there already: one file stays', async (t) => {
  const config = await coreConfig(t);
  const first = await crashWhileClosing(config, true);
  const core = await startCore(t, { data: config.data });
  await crashWhileClosing(config, true);
  const again = await startCore(t, { data: config.data });
  assert.deepEqual((await getBlob(again, 'closing', digest)).body, bytes);
  assert.equal(filesOf(core, 'blobs').length, 1);
  assert.deepEqual(rowsOf(config, 'SELECT storage_key FROM blobs'), [{ storage_key: first.key }]);
  assert.deepEqual(rowsOf(config, 'SELECT * FROM doomed_keys'), []);
});

const losses: [name: string, lose: (path: string) => void][] = [
  ['lost bytes', (path) => truncateSync(path, 100)],
  ['is gone', (path) => rmSync(path)],
];

for (const [name, lose] of losses) {
  test(`a file that ${name} meanwhile becomes no blob, and both its names are doomed`, async (t) => {
    const config = await coreConfig(t);
    const { id, key } = await crashWhileClosing(config, false);
    lose(join(config['storage.root'], 'uploads', id));
    const core = await startCore(t, { data: config.data });
    assertError(await getBlob(core, 'closing', digest), 404, 'BLOB_UNKNOWN');
    assert.deepEqual(rowsOf(config, 'SELECT kind, storage_key FROM doomed_keys ORDER BY kind'), [
      { kind: 'blob', storage_key: key },
      { kind: 'upload', storage_key: id },
    ]);
    assert.deepEqual(rowsOf(config, 'SELECT * FROM upload_sessions'), []);
  });
}

const renames = { 'a small': ['placeUpload', 5000], 'a large': ['commitUpload', 100_000] } as const;

for (const [name, [rename, size]] of Object.entries(renames)) {
  test(`${name} closing that fails half-way can be repeated by the client, without a restart`, async (t) => {
    const bytes = someBytes(size);
    const digest = digestOf(bytes);
    let failures = 0;
    const wrapStore = (store: BlobStore) =>
      replacing(store, {
        async [rename](id: string, key: string) {
          if (++failures === 1) throw Object.assign(new Error('disk full'), { code: 'ENOSPC' });
          await store[rename](id, key);
        },
      });
    const core = await startCore(t, { wrapStore });
    const at = await openUpload(core, 'closing');
    await patch(core, at, bytes);
    assertError(await finish(core, at, digest), 507, 'STORAGE_FULL');
    assertError(await finish(core, at, digestOf('another')), 404, 'BLOB_UPLOAD_UNKNOWN');
    assertError(await patch(core, at, 'more'), 404, 'BLOB_UPLOAD_UNKNOWN');
    assertError(await getBlob(core, 'closing', digest), 404, 'BLOB_UNKNOWN');
    const again = await finish(core, at, digest);
    assert.equal(again.status, 201, again.text);
    assert.deepEqual((await getBlob(core, 'closing', digest)).body, bytes);
    assert.deepEqual(rowsOf(core.config, 'SELECT * FROM upload_sessions'), []);
  });
}

test('a session that cannot be finished at the start stops neither the start nor the others', async (t) => {
  const config = await coreConfig(t);
  const { id } = await crashWhileClosing(config, false);
  await crashWhileClosing(config, false);
  const core = await startFailing(t, config, id);
  assert.deepEqual((await getBlob(core, 'closing', digest)).body, bytes);
  assert.deepEqual(rowsOf(config, 'SELECT id, state FROM upload_sessions'), [{ id, state: 'closing' }]);
  assert.equal(filesOf(core, 'uploads').length, 1, 'its bytes wait for the next start');
});

async function startFailing(t: TestContext, config: Config, failing: string): Promise<TestCore> {
  const wrapStore = (store: BlobStore) =>
    replacing(store, {
      async commitUpload(id: string, key: string) {
        if (id === failing) throw Object.assign(new Error('disk full'), { code: 'ENOSPC' });
        await store.commitUpload(id, key);
      },
    });
  return startCore(t, { data: config.data, wrapStore });
}

test('a displaced file that cannot be removed now keeps its name for the collector', async (t) => {
  const wrapStore = (store: BlobStore) =>
    replacing(store, { remove: async () => Promise.reject(new Error('EIO')) });
  const core = await startCore(t, { wrapStore });
  await pushBlob(core, 'one', bytes);
  await pushBlob(core, 'one', bytes);
  assert.equal(filesOf(core, 'blobs').length, 2);
  const doomed = rowsOf(core.config, 'SELECT kind FROM doomed_keys');
  assert.deepEqual(doomed, [{ kind: 'blob' }]);
});

test('an old file of another size is not trusted: the push replaces it', async (t) => {
  const core = await startCore(t);
  await pushBlob(core, 'one', bytes);
  const [before] = rowsOf(core.config, 'SELECT storage_key FROM blobs');
  truncateSync(join(core.config['storage.root'], 'blobs', String(before!['storage_key'])), 10);
  await pushBlob(core, 'one', bytes);
  assert.deepEqual((await getBlob(core, 'one', digest)).body, bytes);
  assert.equal(filesOf(core, 'blobs').length, 1);
});
