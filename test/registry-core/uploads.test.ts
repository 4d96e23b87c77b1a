import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'node:test';
import { request } from '../support/http.ts';
import { digestOf } from '../support/push.ts';
import { assertError, rowsOf, startCore, type TestCore } from './support.ts';
import { finish, getBlob, openUpload, patch, sessionOf, someBytes, statusOf } from './uploading.ts';

const location = /^\/v2\/team\/app\/blobs\/uploads\/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

test('POST opens a session: 202, a relative Location with a UUID', async (t) => {
  const core = await startCore(t);
  const answer = await request(core, { method: 'POST', path: '/v2/team/app/blobs/uploads/' });
  assert.equal(answer.status, 202);
  assert.match(answer.headers.location!, location);
  assert.equal(answer.headers.range, '0-0');
  assert.equal(answer.headers['docker-upload-uuid'], sessionOf(answer.headers.location!));
  assert.equal(answer.headers['content-length'], '0');
  const other = await request(core, { method: 'POST', path: '/v2/team/app/blobs/uploads' });
  assert.equal(other.status, 202);
  assert.notEqual(other.headers.location, answer.headers.location);
});

test('POST, then PUT with the whole body', async (t) => {
  const core = await startCore(t);
  const bytes = someBytes(1_000_000);
  const digest = digestOf(bytes);
  const put = await finish(core, await openUpload(core, 'team/app'), digest, bytes);
  assert.equal(put.status, 201, put.text);
  assert.equal(put.headers.location, `/v2/team/app/blobs/${digest}`);
  assert.equal(put.headers['docker-content-digest'], digest);
  assert.deepEqual((await request(core, { path: put.headers.location! })).body, bytes);
  assert.deepEqual(await leftOvers(core), { sessions: 0, doomed: 0, files: 0 });
});

test('streamed PATCHes without Content-Range append; PUT without a body closes', async (t) => {
  const core = await startCore(t);
  const parts = [someBytes(10), someBytes(300_000), someBytes(1)];
  const at = await openUpload(core, 'team/app');
  let end = -1;
  for (const part of parts) {
    const answer = await patch(core, at, part);
    end += part.length;
    assert.equal(answer.status, 202);
    assert.equal(answer.headers.range, `0-${end}`);
    assert.equal(answer.headers.location, at);
    assert.equal(await statusOf(core, at), `0-${end}`);
  }
  const digest = digestOf(Buffer.concat(parts));
  assert.equal((await finish(core, at, digest)).status, 201);
  assert.deepEqual((await getBlob(core, 'team/app', digest)).body, Buffer.concat(parts));
});

test('PATCHes, and the last bytes with the PUT', async (t) => {
  const core = await startCore(t);
  const at = await openUpload(core, 'team/app');
  await patch(core, at, 'one ');
  await patch(core, at, 'two ');
  const digest = digestOf('one two three');
  assert.equal((await finish(core, at, digest, 'three')).status, 201);
  assert.equal((await getBlob(core, 'team/app', digest)).text, 'one two three');
});

test('GET tells of the session without touching it', async (t) => {
  const core = await startCore(t);
  const at = await openUpload(core, 'team/app');
  await patch(core, at, 'one two');
  const answer = await request(core, { path: at });
  assert.equal(answer.status, 204);
  assert.equal(answer.headers.location, at);
  assert.equal(answer.headers.range, '0-6');
  assert.equal(answer.text, '');
  const head = await request(core, { method: 'HEAD', path: at });
  assert.deepEqual([head.status, head.headers.location, head.headers.range], [204, at, '0-6']);
});

test('POST with a digest takes the whole blob at once', async (t) => {
  const core = await startCore(t);
  const bytes = someBytes(500_000);
  const digest = digestOf(bytes);
  const path = `/v2/team/app/blobs/uploads/?digest=${digest}`;
  const answer = await request(core, { method: 'POST', path, body: bytes });
  assert.equal(answer.status, 201, answer.text);
  assert.equal(answer.headers.location, `/v2/team/app/blobs/${digest}`);
  assert.deepEqual((await getBlob(core, 'team/app', digest)).body, bytes);
  const wrong = await request(core, { method: 'POST', path, body: 'something else' });
  assertError(wrong, 400, 'DIGEST_INVALID');
  assert.deepEqual(await leftOvers(core), { sessions: 0, doomed: 0, files: 0 });
});

test('DELETE cancels: the session and its bytes are gone', async (t) => {
  const core = await startCore(t);
  const at = await openUpload(core, 'team/app');
  await patch(core, at, 'some bytes');
  const answer = await request(core, { method: 'DELETE', path: at });
  assert.equal(answer.status, 204);
  assert.deepEqual(await leftOvers(core), { sessions: 0, doomed: 0, files: 0 });
  assertError(await request(core, { method: 'DELETE', path: at }), 404, 'BLOB_UPLOAD_UNKNOWN');
});

test('a session that is not there, is of another repository, or has no such form is 404', async (t) => {
  const core = await startCore(t);
  const at = await openUpload(core, 'team/app');
  const paths = [
    at.replace('team/app', 'team/other'),
    '/v2/team/app/blobs/uploads/00000000-0000-4000-8000-000000000000',
    '/v2/team/app/blobs/uploads/..',
    '/v2/team/app/blobs/uploads/short',
  ];
  for (const path of paths) {
    for (const method of ['GET', 'PATCH', 'DELETE']) {
      const body = method === 'PATCH' ? 'bytes' : undefined;
      assertError(await request(core, { method, path, body }), 404, 'BLOB_UPLOAD_UNKNOWN');
    }
    assertError(await finish(core, path, digestOf('x'), 'x'), 404, 'BLOB_UPLOAD_UNKNOWN');
  }
  assert.equal(await statusOf(core, at), '0-0');
});

test('the same blob pushed again costs no second file', async (t) => {
  const core = await startCore(t);
  const digest = digestOf('content');
  for (let round = 0; round < 3; round++) {
    assert.equal((await finish(core, await openUpload(core, 'team/app'), digest, 'content')).status, 201);
  }
  const directory = join(core.config['storage.root'], 'blobs', 'sha256', digest.slice(7, 9));
  assert.equal((await readdir(directory)).length, 1);
  assert.deepEqual(await leftOvers(core), { sessions: 0, doomed: 0, files: 0 });
  const [row] = rowsOf(core.config, 'SELECT storage_key FROM blobs');
  assert.ok(existsSync(join(core.config['storage.root'], 'blobs', String(row!['storage_key']))));
});

async function leftOvers({ config }: TestCore) {
  const count = (table: string) => rowsOf(config, `SELECT 1 FROM ${table}`).length;
  const files = await readdir(join(config['storage.root'], 'uploads'));
  return { sessions: count('upload_sessions'), doomed: count('doomed_keys'), files: files.length };
}
