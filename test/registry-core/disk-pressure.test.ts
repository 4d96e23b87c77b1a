import assert from 'node:assert/strict';
import { truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { type DiskSpace, readDiskSpace } from '../../runtime/disk.ts';
import { watchDisk } from '../../runtime/disk-watch.ts';
import { smallDisk } from '../support/disk.ts';
import { type Answer, request, type Target } from '../support/http.ts';
import { digestOf, pushBlob, pushImage } from '../support/push.ts';
import { notRoot } from '../support/tools.ts';
import { artifact, deleteManifest, getManifest, putManifest } from './manifests.ts';
import { assertError, coreConfig, startCore, until } from './support.ts';
import { finish, getBlob, openUpload, patch, someBytes } from './uploading.ts';

const mebibyte = 2 ** 20;
const root = { skip: notRoot() };

/** 16 MiB, of which 4 MiB are to stay free. */
async function reservedDisk(t: TestContext) {
  const { path } = await smallDisk(t, '16m');
  const filler = join(path, 'filler');
  writeFileSync(filler, '');
  return {
    settings: { 'storage.root': path, 'storage.reserve': '4MiB' } as const,
    /** Fills until only this much is left. */
    leave(bytes: number, { file_systems: [disk] }: DiskSpace): void {
      const filled = disk!.total_bytes - bytes;
      writeFileSync(filler, Buffer.alloc(filled));
    },
    free: () => truncateSync(filler, 0),
  };
}

const start = (target: Target, query = '') =>
  request(target, { method: 'POST', path: `/v2/app/blobs/uploads/${query}` });

test('below the reserve: no new upload, whatever its form; all else goes on', root, async (t) => {
  const disk = await reservedDisk(t);
  const core = await startCore(t, { settings: disk.settings });
  const image = await pushImage(core, 'app', 'latest');
  const [layer] = image.layers;
  const bytes = someBytes(mebibyte);
  const at = await openUpload(core, 'app');
  assert.equal((await patch(core, at, bytes.subarray(0, 1000))).status, 202);
  disk.leave(3 * mebibyte, await readDiskSpace(core.config));

  const refused = await untilRefused(core);
  const detail = assertError(refused, 507, 'STORAGE_FULL');
  assert.equal(detail.reserve_bytes, 4 * mebibyte);
  assert.ok(detail.free_bytes < 4 * mebibyte);
  assert.match(refused.json.errors[0].message, /deleted and collected/);
  assert.equal(refused.headers['retry-after'], '60');
  assertError(await start(core, `?digest=${digestOf('small')}`), 507, 'STORAGE_FULL');
  assertError(await start(core, `?mount=${digestOf('not there')}&from=other`), 507, 'STORAGE_FULL');

  assert.equal((await start(core, `?mount=${layer!.digest}&from=app`)).status, 201, 'a mount takes no room');
  assert.equal((await finish(core, at, digestOf(bytes), bytes.subarray(1000))).status, 201);
  assert.deepEqual((await getBlob(core, 'app', digestOf(bytes))).body, bytes);
  assert.equal((await putManifest(core, 'app', 'another', artifact())).status, 201);
  assert.deepEqual((await getManifest(core, 'app', 'latest')).body, image.manifest);
  assert.equal((await deleteManifest(core, 'app', 'latest')).status, 202);

  disk.free();
  await pushBlob(core, 'app', someBytes(1000));
});

/** The core looks at most once a second while there is room. */
async function untilRefused(core: Target): Promise<Answer> {
  let answer: Answer | undefined;
  await until(async () => {
    answer = await start(core);
    return answer.status !== 202;
  }, 'a refusal');
  return answer!;
}

test('storage.reserve 0 refuses nothing', root, async (t) => {
  const disk = await reservedDisk(t);
  const core = await startCore(t, { settings: { ...disk.settings, 'storage.reserve': '0' } });
  disk.leave(mebibyte, await readDiskSpace(core.config));
  await pushBlob(core, 'app', someBytes(1000));
});

test('the space of both disks counts, of the same one once', root, async (t) => {
  const disk = await reservedDisk(t);
  const one = await readDiskSpace(await coreConfig(t));
  assert.equal(one.file_systems.length, 1);
  const config = await coreConfig(t, undefined, disk.settings);
  const two = await readDiskSpace(config);
  assert.deepEqual(
    two.file_systems.map(({ path, short }) => [path, short]),
    [
      [config['storage.root'], false],
      [config.data, false],
    ],
  );
  disk.leave(mebibyte, two);
  assert.deepEqual([(await readDiskSpace(config)).short], [true]);
});

test('who watches hears once that the disk became short, and once that it is no longer', root, async (t) => {
  const disk = await reservedDisk(t);
  const config = await coreConfig(t, undefined, disk.settings);
  const changes: boolean[] = [];
  const log = { debug() {}, info() {}, warn() {}, error: assert.fail };
  const watch = watchDisk({ config, log, onChange: ({ short }) => changes.push(short), intervalMs: 5 });
  t.after(() => watch.close());
  const becomes = (short: boolean) =>
    until(async () => (await watch.space()).short === short, `short: ${short}`);
  await becomes(false);
  disk.leave(mebibyte, await readDiskSpace(config));
  await becomes(true);
  for (let look = 0; look < 10; look++) await watch.space();
  assert.deepEqual(changes, [true]);
  disk.free();
  await becomes(false);
  for (let look = 0; look < 10; look++) await watch.space();
  assert.deepEqual(changes, [true, false]);
});
