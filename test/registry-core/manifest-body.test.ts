import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { OciError } from '../../oci/errors.ts';
import { ManifestBytes, readManifest } from '../../registry-core/manifest-body.ts';
import { until } from './support.ts';

const isUnavailable = (error: unknown) =>
  error instanceof OciError && error.status === 503 && error.headers['Retry-After'] !== undefined;

test('manifests that come slowly are held up to a limit, over all requests; the next one is told to come again', async () => {
  const held = new ManifestBytes(100);
  const slow = [new PassThrough(), new PassThrough()];
  const read = slow.map((body) => readManifest(body, held));
  for (const body of slow) body.write(Buffer.alloc(45));
  await until(() => slow.every((body) => body.readableLength === 0), 'both are held');
  await assert.rejects(readManifest(new PassThrough().end(Buffer.alloc(20)), held), isUnavailable);
  assert.equal((await readManifest(new PassThrough().end(Buffer.alloc(10)), held)).length, 10);
  for (const body of slow) body.end(Buffer.alloc(5));
  assert.deepEqual(
    (await Promise.all(read)).map((bytes) => bytes.length),
    [50, 50],
  );
});

test('what was held is given back, however a request ends', async () => {
  const held = new ManifestBytes(100);
  for (let time = 0; time < 5; time++) {
    const gone = new PassThrough();
    const read = readManifest(gone, held);
    gone.write(Buffer.alloc(80));
    await until(() => gone.readableLength === 0, 'it is held');
    gone.destroy(new Error('the client left'));
    await assert.rejects(read, /the client left/);
    await assert.rejects(readManifest(new PassThrough().end(Buffer.alloc(101)), held), isUnavailable);
  }
  assert.equal((await readManifest(new PassThrough().end(Buffer.alloc(100)), held)).length, 100);
});
