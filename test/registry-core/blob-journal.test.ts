import assert from 'node:assert/strict';
import { existsSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import type { Digest } from '../../oci/digest.ts';
import { runBatch } from '../../registry-core/metadata/writer-thread.ts';
import { createWrites } from '../../registry-core/metadata/writes.ts';
import { UploadSessions } from '../../registry-core/upload-session.ts';
import type { Config } from '../../runtime/config-schema.ts';
import { failingCalls } from '../gc/faults-calls.ts';
import { temporaryDirectory } from '../support/files.ts';
import { digestOf, pushBlob } from '../support/push.ts';
import {
  assertError,
  coreConfig,
  openStores,
  rowsOf,
  startCore,
  startCoreProcess,
  withRows,
} from './support.ts';
import { finish, getBlob, openUpload, patch, someBytes, statusOf, uploadFile } from './uploading.ts';

// A power cut takes from the files what was not synced, and from registry.db nothing that was. What it may leave is
// made here by hand, from what a core that was killed left.

const bytes = someBytes(4096);
const digest = digestOf(bytes) as Digest;

function keyIn(config: Config): string {
  return String(rowsOf(config, 'SELECT storage_key FROM blobs')[0]!['storage_key']);
}

const fileIn = (config: Config) => join(config['storage.root'], 'blobs', keyIn(config));
const journalOf = (config: Config) => rowsOf(config, 'SELECT content FROM blob_journal');

test('a small blob is synced once, with its bytes in the log; its file is synced later', async (t) => {
  const calls = failingCalls(t);
  const config = await coreConfig(t);
  const core = await startCore(t, { data: config.data });
  await pushBlob(core, 'warm', 'up');
  calls.passed();
  await pushBlob(core, 'app', bytes);
  assert.deepEqual(
    calls.passed().filter(({ call, path }) => call === 'sync' && path.includes(digest.slice(7))),
    [],
  );
  assert.deepEqual(journalOf(config).at(-1), { content: bytes });
  const { store, registry } = await openStores(config);
  await new UploadSessions(registry, store, 1000).settle();
  await registry.close();
  const synced = calls.passed().filter(({ call }) => call === 'sync');
  const directory = join(fileIn(config), '..');
  assert.ok(synced.some(({ path }) => path.includes(digest.slice(7))));
  assert.ok(existsSync(directory) && synced.some(({ path }) => path.endsWith(`/${digest.slice(7, 9)}`)));
  assert.deepEqual(journalOf(config), []);
  assert.deepEqual((await getBlob(core, 'app', digest)).body, bytes);
});

test('a larger one is synced by itself, and never in the journal', async (t) => {
  const calls = failingCalls(t);
  const core = await startCore(t);
  const large = someBytes(64 * 1024 + 1);
  const at = await openUpload(core, 'app');
  await patch(core, at, large.subarray(0, 10));
  await finish(core, at, digestOf(large), large.subarray(10));
  assert.deepEqual(journalOf(core.config), []);
  assert.ok(calls.passed().some(({ call, path }) => call === 'sync' && path === uploadFile(core.config, at)));
});

const losses: [name: string, lose: (path: string) => void][] = [
  ['is gone', (path) => rmSync(path)],
  ['is empty', (path) => truncateSync(path, 0)],
  ['is of zeros', (path) => writeFileSync(path, Buffer.alloc(bytes.length))],
];

for (const [name, lose] of losses) {
  test(`an acknowledged small blob whose file ${name} after a power cut is whole at the next start`, async (t) => {
    const data = await temporaryDirectory(t, 'journal');
    const first = await startCoreProcess(t, data);
    await pushBlob(first, 'app', bytes);
    await first.kill();
    lose(fileIn(first.config));
    const core = await startCore(t, { data });
    assert.deepEqual((await getBlob(core, 'app', digest)).body, bytes);
    assert.deepEqual(readdirSync(join(data, 'uploads')), []);
  });

  test(`so is one whose commit was lost as well and whose file ${name}`, async (t) => {
    const data = await temporaryDirectory(t, 'journal');
    const first = await startCoreProcess(t, data);
    const at = await openUpload(first, 'app');
    await patch(first, at, bytes);
    await first.kill();
    const { store, registry } = await openStores(first.config);
    const id = at.slice(at.lastIndexOf('/') + 1);
    await registry.closeSession(id, digest, store.newKey(digest), bytes.length, bytes);
    await registry.close();
    lose(uploadFile(first.config, at));
    const core = await startCore(t, { data });
    assert.deepEqual((await getBlob(core, 'app', digest)).body, bytes);
    assert.deepEqual(rowsOf(core.config, 'SELECT id FROM upload_sessions'), []);
  });
}

test('one that was marked as damaged before the start is whole again', async (t) => {
  const data = await temporaryDirectory(t, 'journal');
  const first = await startCoreProcess(t, data);
  await pushBlob(first, 'app', bytes);
  truncateSync(fileIn(first.config), 1);
  assertError(await getBlob(first, 'app', digest), 404, 'BLOB_UNKNOWN');
  await first.kill();
  const core = await startCore(t, { data });
  assert.deepEqual((await getBlob(core, 'app', digest)).body, bytes);
});

test('a file that cannot be synced is written anew, and stays in the journal until that one is', async (t) => {
  const calls = failingCalls(t);
  const core = await startCore(t);
  await pushBlob(core, 'app', bytes);
  const { store, registry } = await openStores(core.config);
  const uploads = new UploadSessions(registry, store, 1000);
  calls.fail('sync', 'EIO', new RegExp(digest.slice(7)));
  await uploads.settle();
  assert.equal(journalOf(core.config).length, 1);
  calls.heal();
  assert.ok(calls.passed().some(({ call, path }) => call === 'sync' && path.includes('/uploads/')));
  await uploads.settle();
  await registry.close();
  assert.deepEqual(journalOf(core.config), []);
  assert.deepEqual((await getBlob(core, 'app', digest)).body, bytes);
});

test('what a push did not need leaves nothing behind', async (t) => {
  const core = await startCore(t);
  await pushBlob(core, 'app', bytes);
  await pushBlob(core, 'copy', bytes);
  assert.equal(journalOf(core.config).length, 2);
  const { store, registry } = await openStores(core.config);
  await new UploadSessions(registry, store, 1000).settle();
  await registry.close();
  assert.deepEqual(journalOf(core.config), []);
  assert.deepEqual(rowsOf(core.config, 'SELECT * FROM doomed_keys'), []);
  assert.deepEqual((await getBlob(core, 'copy', digest)).body, bytes);
});

test('bytes that a crash left beyond the offset are in no small blob', async (t) => {
  const data = await temporaryDirectory(t, 'journal');
  const first = await startCoreProcess(t, data);
  const at = await openUpload(first, 'app');
  await first.kill();
  writeFileSync(uploadFile(first.config, at), 'left by a crash');
  const core = await startCore(t, { data });
  assert.equal((await finish(core, at, digest, bytes)).status, 201);
  assert.deepEqual((await getBlob(core, 'app', digest)).body, bytes);
});

test('a session that power loss took away leaves its file to the collector, and no other', async (t) => {
  const data = await temporaryDirectory(t, 'journal');
  const first = await startCoreProcess(t, data);
  const [lost, kept] = [await openUpload(first, 'app'), await openUpload(first, 'app')];
  await patch(first, kept, 'kept');
  await first.kill();
  withRows(first.config, (database) =>
    database.prepare('DELETE FROM upload_sessions WHERE id = ?').run(lost.slice(lost.lastIndexOf('/') + 1)),
  );
  const core = await startCore(t, { data });
  assert.deepEqual(rowsOf(core.config, 'SELECT kind, storage_key FROM doomed_keys'), [
    { kind: 'upload', storage_key: lost.slice(lost.lastIndexOf('/') + 1) },
  ]);
  assert.equal(await statusOf(core, kept), '0-3');
});

test('a transaction is synced unless nothing in it has to survive power loss', async (t) => {
  const config = await coreConfig(t);
  await (await openStores(config)).registry.close();
  withRows(config, (database) => {
    const level = () => database.pragma('synchronous', { simple: true });
    const seen: unknown[] = [];
    const writes = createWrites(database, { leaseMs: 1, graceMs: 0, untaggedMs: 0, uploadExpiryMs: 1 });
    const watched = new Proxy(writes, { get: () => () => void seen.push(level()) });
    const run = (...methods: (keyof typeof writes)[]) =>
      runBatch(
        database,
        watched,
        methods.map((method, id) => ({ id, method, parameters: [] })),
      );
    const [full, normal] = [2, 1];
    run('openSession', 'advanceSession', 'commitJournaled', 'forgetJournaled');
    assert.deepEqual(seen.splice(0), [normal, normal, normal, normal]);
    for (const method of Object.keys(writes) as (keyof typeof writes)[]) {
      if (['openSession', 'advanceSession', 'commitJournaled', 'forgetJournaled'].includes(method)) continue;
      run('openSession', method);
      assert.deepEqual(seen.splice(0), [full, full], method);
    }
    assert.equal(level(), full);
  });
});
