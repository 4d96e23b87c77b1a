import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import test from 'node:test';
import type { Digest } from '../../oci/digest.ts';
import { maxJournaledBytes } from '../../registry-core/blob-journal.ts';
import { UploadSessions } from '../../registry-core/upload-session.ts';
import { digestOf } from '../support/push.ts';
import { onEnd, type Scope } from '../support/scope.ts';
import { type CoreOptions, coreConfig, openStores, replacing, rowsOf, somebody, until } from './support.ts';
import { someBytes } from './uploading.ts';

const repository = 'app';
const unchecked = () => undefined;
const bytes = someBytes(3000);
const digest = digestOf(bytes) as Digest;

/** Upload sessions as the core has them, and what of them is on disk. */
async function startUploads(t: Scope, options: CoreOptions = {}) {
  const config = await coreConfig(t);
  const { store, registry } = await openStores(config, options);
  onEnd(t, () => registry.close());
  const uploads = new UploadSessions(registry, store, config['uploads.expiry']);
  return {
    uploads,
    /** Another core on the same data. */
    restart: () => new UploadSessions(registry, store, config['uploads.expiry']),
    open: async () => (await uploads.openWaiting(repository, 'sha256', somebody)).id,
    recorded: () => ({
      rows: rowsOf(config, 'SELECT id FROM upload_sessions').map(({ id }) => id),
      files: readdirSync(join(config['storage.root'], 'uploads')),
    }),
    journal: () => rowsOf(config, 'SELECT content FROM blob_journal').map(({ content }) => content),
    async stored() {
      const row = await registry.blob(repository, digest);
      return row && buffer(await store.read(row.storageKey, 0, row.size - 1));
    },
  };
}

const nothing = { rows: [], files: [] };

test('a small upload is in memory until it is closed, and then a blob whose bytes were synced', async (t) => {
  const { uploads, open, recorded, journal, stored } = await startUploads(t);
  const id = await open();
  assert.equal(await uploads.append(repository, id, bytes.subarray(0, 1000), unchecked), 1000);
  assert.equal(await uploads.append(repository, id, bytes.subarray(1000, 1000), unchecked), 1000, 'nothing');
  assert.equal(await uploads.append(repository, id, bytes.subarray(1000, 2000), unchecked), 2000);
  assert.equal((await uploads.status(repository, id)).offset, 2000);
  assert.deepEqual(recorded(), nothing);
  assert.equal(await uploads.finish(repository, id, digest, bytes.subarray(2000), unchecked), 3000);
  assert.deepEqual([recorded(), journal(), await stored()], [nothing, [bytes], bytes]);
  await assert.rejects(uploads.status(repository, id), { code: 'BLOB_UPLOAD_UNKNOWN' });
});

test('the empty blob, and one in a single body', async (t) => {
  const { uploads, open, recorded } = await startUploads(t);
  const empty = digestOf('') as Digest;
  assert.equal(await uploads.finish(repository, await open(), empty, undefined, unchecked), 0);
  assert.equal(await uploads.finish(repository, await open(), digest, bytes, unchecked), 3000);
  assert.deepEqual(recorded(), nothing);
});

test('a wrong digest, a wrong range and a wrong length leave it open', async (t) => {
  const { uploads, open, stored } = await startUploads(t);
  const id = await open();
  await uploads.append(repository, id, bytes.subarray(0, 1000), () => 1000);
  const refuse = (offset: number): never => {
    throw new Error(`goes on at ${offset}`);
  };
  await assert.rejects(uploads.append(repository, id, bytes, refuse), { message: 'goes on at 1000' });
  await assert.rejects(
    uploads.append(repository, id, bytes, () => 5),
    { code: 'SIZE_INVALID' },
  );
  await uploads.append(repository, id, bytes.subarray(1000), unchecked);
  const other = digestOf('other') as Digest;
  await assert.rejects(uploads.finish(repository, id, other, undefined, unchecked), {
    code: 'DIGEST_INVALID',
  });
  assert.equal((await uploads.status(repository, id)).offset, 3000);
  assert.equal(await uploads.finish(repository, id, digest, undefined, unchecked), 3000);
  assert.deepEqual(await stored(), bytes);
});

const larger: [name: string, body: () => Readable | Uint8Array][] = [
  ['comes as a stream', () => Readable.from([bytes.subarray(1000)])],
  ['is not small', () => Buffer.concat([bytes.subarray(1000), someBytes(maxJournaledBytes)])],
];

for (const [name, body] of larger) {
  test(`one that ${name} is recorded, with the bytes that came before`, async (t) => {
    const { uploads, open, recorded } = await startUploads(t);
    const id = await open();
    await uploads.append(repository, id, bytes.subarray(0, 1000), unchecked);
    const rest = body();
    const size = 1000 + (rest instanceof Uint8Array ? rest.length : 2000);
    const all = rest instanceof Uint8Array ? Buffer.concat([bytes.subarray(0, 1000), rest]) : bytes;
    assert.equal(await uploads.append(repository, id, rest, unchecked), size);
    assert.deepEqual(recorded(), { rows: [id], files: [id] });
    assert.equal(await uploads.finish(repository, id, digestOf(all) as Digest, undefined, unchecked), size);
  });
}

test('one that nobody touches is recorded, and another core goes on with it', async (t) => {
  const { uploads, restart, open, recorded, stored } = await startUploads(t);
  const id = await open();
  await uploads.append(repository, id, bytes.subarray(0, 1000), unchecked);
  uploads.start((error) => assert.fail(error as Error));
  await until(() => recorded().files.length === 1, 'it is recorded');
  await until(async () => (await restart().status(repository, id)).offset === 1000, 'with its bytes');
  const next = restart();
  assert.equal(await next.finish(repository, id, digest, bytes.subarray(1000), unchecked), 3000);
  assert.deepEqual(await stored(), bytes);
  await uploads.close();
});

test('a core that ends leaves none in its memory', async (t) => {
  const { uploads, restart, open } = await startUploads(t);
  const ids = await Promise.all([open(), open(), open()]);
  for (const id of ids) await uploads.append(repository, id, bytes, unchecked);
  await uploads.close();
  const next = restart();
  for (const id of ids) assert.equal((await next.status(repository, id)).offset, bytes.length);
});

test('a core that ends waits for what it is just recording', async (t) => {
  const { promise: goOn, resolve } = Promise.withResolvers<void>();
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
  const { uploads, restart, open } = await startUploads(t, {
    wrapStore: (store) =>
      replacing(store, {
        openUpload: async (...where) => {
          begin();
          await goOn;
          return store.openUpload(...where);
        },
      }),
  });
  const id = await open();
  await uploads.append(repository, id, bytes, unchecked);
  uploads.start((error) => assert.fail(error as Error));
  await begun;
  const closed = uploads.close();
  setTimeout(resolve, 50);
  await closed;
  assert.equal((await restart().status(repository, id)).offset, bytes.length);
});

test('a disk that stands still: each is asked for once, and those with a request under way not at all', async (t) => {
  const { promise: goOn, resolve } = Promise.withResolvers<void>();
  const asked: string[] = [];
  const { uploads, open } = await startUploads(t, {
    wrapRegistry: (registry) =>
      replacing(registry, {
        openSession: async (session, context) => {
          asked.push(session.id);
          await goOn;
          await registry.openSession(session, context);
        },
      }),
  });
  const failures: unknown[] = [];
  const ids = await Promise.all([open(), open()]);
  uploads.start((error) => failures.push(error));
  await until(() => asked.length === 2, 'both are being recorded');
  await new Promise((later) => setTimeout(later, 1500));
  assert.deepEqual(asked.toSorted(), ids.toSorted());
  resolve();
  await uploads.close();
  assert.deepEqual([asked.length, failures], [2, []]);
});

test('one that is cancelled leaves nothing; of another repository’s nobody hears', async (t) => {
  const { uploads, open, recorded } = await startUploads(t);
  const id = await open();
  assert.equal(await uploads.actor(repository, id), somebody.actor);
  assert.equal(await uploads.actor('other', id), undefined);
  const unknown = { code: 'BLOB_UPLOAD_UNKNOWN' };
  await assert.rejects(uploads.append('other', id, bytes, unchecked), unknown);
  await assert.rejects(uploads.finish('other', id, digest, bytes, unchecked), unknown);
  await assert.rejects(uploads.cancel('other', id), unknown);
  await uploads.cancel(repository, id);
  await assert.rejects(uploads.append(repository, id, bytes, unchecked), unknown);
  assert.deepEqual(recorded(), nothing);
});

test('many at once: what is too much for the memory is recorded at once', async (t) => {
  const { uploads, open, recorded } = await startUploads(t);
  const ids = await Promise.all(Array.from({ length: 10_003 }, open));
  assert.equal(recorded().rows.length, 3);
  await Promise.all(
    ids.slice(0, 513).map((id) => uploads.append(repository, id, Buffer.alloc(65536), unchecked)),
  );
  assert.equal(recorded().rows.length, 4, '512 of 64 KiB are all that is kept');
  await uploads.cancel(repository, ids[0]!);
  await open();
  assert.equal(recorded().rows.length, 4, 'there is room again');
});

test('a disk that fails at the closing: the session is open still, and nothing is left of the attempt', async (t) => {
  let fails = true;
  const { uploads, open, recorded, stored } = await startUploads(t, {
    wrapRegistry: (registry) =>
      replacing(registry, {
        closeUnrecorded: async (...closing) => {
          if (fails) throw new Error('disk full');
          return registry.closeUnrecorded(...closing);
        },
      }),
  });
  const id = await open();
  await uploads.append(repository, id, bytes, unchecked);
  const finish = () => uploads.finish(repository, id, digest, undefined, unchecked);
  await assert.rejects(finish(), { message: 'disk full' });
  assert.deepEqual(recorded(), nothing);
  fails = false;
  await finish();
  assert.deepEqual(await stored(), bytes);
});

test('one that fails between closing and commit is finished by its repetition', async (t) => {
  let fails = true;
  const { uploads, open, recorded, stored } = await startUploads(t, {
    wrapStore: (store) =>
      replacing(store, {
        writeBlob: async (...place) => {
          if (fails) throw new Error('EIO');
          return store.writeBlob(...place);
        },
      }),
  });
  const id = await open();
  const finish = () => uploads.finish(repository, id, digest, fails ? bytes : undefined, unchecked);
  await assert.rejects(finish(), { message: 'EIO' });
  assert.deepEqual(recorded().rows, [id]);
  fails = false;
  await finish();
  assert.deepEqual([recorded(), await stored()], [nothing, bytes]);
});

for (const call of ['createUpload', 'openUpload'] as const) {
  test(`one that cannot be recorded because of ${call} is gone, and leaves nothing but a doomed name`, async (t) => {
    const { uploads, open, recorded } = await startUploads(t, {
      wrapStore: (store) =>
        replacing(store, {
          [call]: async () => {
            throw new Error('EIO');
          },
        }),
    });
    const id = await open();
    await uploads.append(repository, id, bytes.subarray(0, 1000), unchecked);
    const stream = Readable.from([bytes.subarray(1000)]);
    await assert.rejects(uploads.append(repository, id, stream, unchecked), { message: 'EIO' });
    assert.deepEqual(recorded(), nothing);
    await assert.rejects(uploads.status(repository, id), { code: 'BLOB_UPLOAD_UNKNOWN' });
  });
}
