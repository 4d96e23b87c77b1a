import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import test from 'node:test';
import { failingCalls, type PassedCall } from '../gc/faults-calls.ts';
import { request } from '../support/http.ts';
import { digestOf, pushBlob } from '../support/push.ts';
import { assertError, replacing, rowsOf, startCore, type TestCore } from './support.ts';
import { finish, getBlob, openUpload, patch, sessionOf, someBytes } from './uploading.ts';

// "Fsyncgate": after a failed fsync the kernel marks the pages clean that it could not write, so the next fsync
// succeeds without them. Nothing that was under a failed sync may ever be acknowledged, however often it is tried.

const bytes = someBytes(300_000);
const digest = digestOf(bytes);

/** No blob, no session that could become one, and a push from the start succeeds. */
async function assertUntrusted(core: TestCore, location: string): Promise<void> {
  assert.deepEqual(rowsOf(core.config, 'SELECT digest FROM blobs'), []);
  for (let attempt = 0; attempt < 3; attempt++) {
    assertError(await finish(core, location, digest), 404, 'BLOB_UPLOAD_UNKNOWN');
    assertError(await patch(core, location, 'more'), 404, 'BLOB_UPLOAD_UNKNOWN');
  }
  assertError(await getBlob(core, 'app', digest), 404, 'BLOB_UNKNOWN');
  await pushBlob(core, 'app', bytes);
  assert.deepEqual((await getBlob(core, 'app', digest)).body, bytes);
}

for (const code of ['EIO', 'ENOSPC']) {
  test(`a file that could not be synced (${code}) is no blob, and no repetition makes it one`, async (t) => {
    const calls = failingCalls(t);
    const core = await startCore(t);
    const location = await openUpload(core, 'app');
    assert.equal((await patch(core, location, bytes)).status, 202);
    calls.fail('sync', code, /uploads/, 'after');
    const status = code === 'EIO' ? 500 : 507;
    assert.equal((await finish(core, location, digest)).status, status);
    calls.heal();
    core.errors.length = 0;
    await assertUntrusted(core, location);
  });

  test(`a directory that could not be synced (${code}): the name is not trusted`, async (t) => {
    const calls = failingCalls(t);
    const core = await startCore(t);
    const location = await openUpload(core, 'app');
    calls.fail('sync', code, /\/blobs\/sha256\/..$/, 'after');
    const status = code === 'EIO' ? 500 : 507;
    assert.equal((await finish(core, location, digest, bytes)).status, status);
    calls.heal();
    core.errors.length = 0;
    await assertUntrusted(core, location);
  });
}

test('where the session’s row cannot go either, the file does, and a restart trusts nothing', async (t) => {
  const calls = failingCalls(t);
  const core = await startCore(t, {
    wrapRegistry: (registry) =>
      replacing(registry, {
        cancelSession: () =>
          Promise.reject(Object.assign(new Error('disk I/O error'), { code: 'SQLITE_IOERR' })),
      }),
  });
  const location = await openUpload(core, 'app');
  calls.fail('sync', 'EIO', /\/blobs\/sha256\/..$/, 'after');
  assert.equal((await finish(core, location, digest, bytes)).status, 500);
  calls.heal();
  core.errors.length = 0;
  assert.deepEqual(rowsOf(core.config, 'SELECT id, state FROM upload_sessions'), [
    { id: sessionOf(location), state: 'closing' },
  ]);
  const next = await startCore(t, { data: core.config.data });
  await assertUntrusted(next, location);
});

test('a new directory whose name could not be synced is made again', async (t) => {
  const calls = failingCalls(t);
  const core = await startCore(t);
  const location = await openUpload(core, 'app');
  calls.fail('sync', 'EIO', /\/blobs$/);
  assert.equal((await finish(core, location, digest, bytes)).status, 500);
  calls.heal();
  core.errors.length = 0;
  assert.ok(!existsSync(join(core.config['storage.root'], 'blobs', 'sha256')));
  calls.passed();
  // The file was synced and is where it was: this may be repeated.
  assert.equal((await finish(core, location, digest)).status, 201);
  const names = calls.passed().filter(({ call }) => call === 'mkdir' || call === 'sync');
  const at = names.findIndex(({ call, path }) => call === 'mkdir' && path.endsWith('/blobs/sha256'));
  assert.ok(at >= 0 && names[at + 1]?.call === 'sync' && names[at + 1]?.path.endsWith('/blobs'));
});

test('what a push displaces and what a client cancels is gone for good before its name is forgotten', async (t) => {
  const calls = failingCalls(t);
  const before: PassedCall[][] = [];
  const core = await startCore(t, {
    wrapRegistry: (registry) =>
      replacing(registry, {
        forgetDoomed(kind, key) {
          before.push(calls.passed());
          return registry.forgetDoomed(kind, key);
        },
      }),
  });
  for (const repository of ['app', 'copy']) await pushBlob(core, repository, bytes);
  const location = await openUpload(core, 'app');
  await request(core, { method: 'DELETE', path: location });
  assert.equal(before.length, 2);
  for (const passed of before) {
    const removed = passed.findLast(({ call }) => call === 'unlink');
    assert.deepEqual(passed.filter(({ call }) => call === 'unlink' || call === 'sync').at(-1), {
      call: 'sync',
      path: dirname(removed!.path),
    });
  }
});

test('bytes that a network file system loses at the close of a chunk are asked for again', async (t) => {
  const calls = failingCalls(t);
  const core = await startCore(t);
  const location = await openUpload(core, 'app');
  assert.equal((await patch(core, location, bytes.subarray(0, 1000))).status, 202);
  calls.fail('close', 'EIO', /uploads/, 'after');
  assert.equal((await patch(core, location, bytes.subarray(1000))).status, 500);
  calls.heal();
  core.errors.length = 0;
  const answer = await finish(core, location, digest, bytes.subarray(1000), {
    'content-range': `1000-${bytes.length - 1}`,
  });
  assert.equal(answer.status, 201, answer.text);
  assert.deepEqual((await getBlob(core, 'app', digest)).body, bytes);
});
