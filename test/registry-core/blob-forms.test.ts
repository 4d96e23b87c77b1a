import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { readdir, readlink } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { join } from 'node:path';
import test from 'node:test';
import type { Digest } from '../../oci/digest.ts';
import type { BlobLocation, BlobStore } from '../../registry-core/storage/blob-store.ts';
import { request } from '../support/http.ts';
import { digestOf, pushBlob } from '../support/push.ts';
import { replacing, startCore, type TestCore, until } from './support.ts';
import { getBlob, someBytes } from './uploading.ts';

const accel = { 'x-sendfile-type': 'X-Accel-Redirect' };

function getFile(core: TestCore, path: string, headers: Record<string, string> = {}) {
  return request(core, { path, headers: { ...core.headers, ...accel, ...headers } });
}

test('asked for a file, the core names it and sends no byte', async (t) => {
  const core = await startCore(t);
  const bytes = someBytes(1000);
  const digest = await pushBlob(core, 'one', bytes);
  const answer = await getFile(core, `/v2/one/blobs/${digest}`);
  assert.equal(answer.status, 200);
  assert.equal(answer.headers['content-length'], '0');
  assert.equal(answer.body.length, 0);
  assert.equal(answer.headers['x-gatehouse-accel-range'], '0-999/1000');
  assert.equal(answer.headers['docker-content-digest'], digest);
  assert.equal(answer.headers['content-type'], 'application/octet-stream');
  const file = join(core.config['storage.root'], String(answer.headers['x-accel-redirect']));
  assert.deepEqual(readFileSync(file), bytes);
});

const ranges: [range: string, status: number, part: string | undefined, contentRange: string | undefined][] =
  [
    ['bytes=10-19', 206, '10-19/1000', 'bytes 10-19/1000'],
    ['bytes=-1', 206, '999-999/1000', 'bytes 999-999/1000'],
    ['bytes=1-2,3-4', 200, '0-999/1000', undefined],
    ['bytes=1000-', 416, undefined, 'bytes */1000'],
  ];

test('of a file too the core alone decides ranges and validators', async (t) => {
  const core = await startCore(t);
  const digest = await pushBlob(core, 'one', someBytes(1000));
  const path = `/v2/one/blobs/${digest}`;
  for (const [range, status, part, contentRange] of ranges) {
    const answer = await getFile(core, path, { range });
    const { headers } = answer;
    assert.equal(answer.status, status, range);
    assert.equal(headers['x-gatehouse-accel-range'], part);
    assert.equal(headers['content-range'], contentRange);
    assert.equal(headers['x-accel-redirect'] === undefined, status === 416);
  }
  const unchanged = await getFile(core, path, { 'if-none-match': `"${digest}"` });
  assert.equal(unchanged.status, 304);
  assert.equal(unchanged.headers['x-accel-redirect'], undefined);
});

test('without the request header, or with another value of it, the bytes are streamed', async (t) => {
  const core = await startCore(t);
  const bytes = someBytes(3_000_000);
  const path = `/v2/one/blobs/${await pushBlob(core, 'one', bytes)}`;
  for (const headers of [{}, { 'x-sendfile-type': 'X-Sendfile' }]) {
    const answer = await request(core, { path, headers: { ...core.headers, ...headers } });
    assert.equal(answer.headers['x-accel-redirect'], undefined);
    assert.equal(answer.headers['content-length'], '3000000');
    assert.equal(digestOf(answer.body), digestOf(bytes));
  }
});

test('a zero-byte blob in both forms', async (t) => {
  const core = await startCore(t);
  const path = `/v2/one/blobs/${await pushBlob(core, 'one', '')}`;
  const streamed = await request(core, { path });
  assert.deepEqual([streamed.status, streamed.headers['content-length']], [200, '0']);
  const file = await getFile(core, path);
  assert.equal(file.headers['x-gatehouse-accel-range'], '0-0/0');
  assert.equal((await getFile(core, path, { range: 'bytes=0-0' })).status, 416);
});

test('a store that redirects: 307 to where the bytes are', async (t) => {
  const locate = (key: string): BlobLocation => ({ form: 'redirect', url: `https://bytes.example/${key}` });
  const wrapStore = (store: BlobStore) => replacing(store, { locate });
  const core = await startCore(t, { wrapStore });
  const digest = await pushBlob(core, 'one', 'content');
  const answer = await getBlob(core, 'one', digest);
  assert.equal(answer.status, 307);
  assert.match(answer.headers.location!, /^https:\/\/bytes\.example\/sha256\//);
});

test('a blob that gets a new key between the look-up and the reading is read under the new one', async (t) => {
  let displace: (() => Promise<unknown>) | undefined;
  const wrapStore = (store: BlobStore) =>
    replacing(store, {
      async read(key: string, start: number, end: number) {
        const once = displace;
        displace = undefined;
        await once?.();
        return store.read(key, start, end);
      },
    });
  const core = await startCore(t, { wrapStore });
  const bytes = someBytes(2000);
  const digest = await pushBlob(core, 'one', bytes);
  displace = async () => {
    const { storageKey } = (await core.registry.storedBlob(digest as Digest))!;
    await core.store.remove(storageKey);
    await pushBlob(core, 'two', bytes);
  };
  const answer = await getBlob(core, 'one', digest);
  assert.equal(answer.status, 200, answer.text);
  assert.equal(digestOf(answer.body), digest);
});

test('a reader that goes away leaves no open file behind', async (t) => {
  const core = await startCore(t);
  const digest = await pushBlob(core, 'one', someBytes(8_000_000));
  for (let round = 0; round < 5; round++) {
    await new Promise<void>((resolve, reject) => {
      const path = `/v2/one/blobs/${digest}`;
      const sent = httpRequest({ socketPath: core.socketPath, path, headers: core.headers }, (response) => {
        response.once('data', () => response.destroy());
        response.once('close', resolve);
      });
      sent.on('error', reject).end();
    });
  }
  await until(async () => (await openBlobFiles()) === 0, 'the files are closed');
});

async function openBlobFiles(): Promise<number> {
  const names = await readdir('/proc/self/fd');
  const targets = await Promise.all(names.map((name) => readlink(`/proc/self/fd/${name}`).catch(() => '')));
  return targets.filter((target) => target.includes('/blobs/')).length;
}
