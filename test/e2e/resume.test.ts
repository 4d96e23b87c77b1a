import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  finish,
  getBlob,
  openUpload,
  patch,
  sha512Of,
  someBytes,
  statusOf,
} from '../registry-core/uploading.ts';
import { startGatehouse } from '../support/gatehouse.ts';

const env = { GATEHOUSE_AUTH_BCRYPT_COST: '8' };

test('an upload goes on after every process was stopped, and after every process was killed', async (t) => {
  const bytes = someBytes(900_000);
  const part = (index: number) => bytes.subarray(index * 300_000, (index + 1) * 300_000);
  const first = await startGatehouse(t, { env });
  const { data, port } = first;
  const at = await openUpload(first, 'team/app', '?digest-algorithm=sha512');
  assert.equal((await patch(first, at, part(0), '0-299999')).status, 202);
  assert.equal(await first.stop(), 0);

  const second = await startGatehouse(t, { env, data, port });
  assert.equal(await statusOf(second, at), '0-299999');
  assert.equal((await patch(second, at, part(1), '300000-599999')).status, 202);
  const pids = second.children().map(({ pid }) => pid);
  // The supervisor first: it would start them again.
  for (const pid of [second.pid, ...pids]) process.kill(pid, 'SIGKILL');

  const third = await startGatehouse(t, { env, data, port });
  assert.equal(await statusOf(third, at), '0-599999');
  const out = await patch(third, at, part(1), '300000-599999');
  assert.deepEqual([out.status, out.headers.range], [416, '0-599999']);
  const digest = sha512Of(bytes);
  const closed = await finish(third, at, digest, part(2), { 'content-range': '600000-899999' });
  assert.equal(closed.status, 201, closed.text);
  assert.deepEqual((await getBlob(third, 'team/app', digest)).body, bytes);
});
