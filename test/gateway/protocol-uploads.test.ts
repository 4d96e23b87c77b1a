import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { finish, getBlob, openUpload, patch, sha512Of, statusOf } from '../registry-core/uploading.ts';
import { request } from '../support/http.ts';
import { digestOf, pushBlob } from '../support/push.ts';
import { fileScope } from '../support/scope.ts';
import { ask, absent as nowhere, other, repository, startRegistry } from './protocol-support.ts';

const registry = await startRegistry(fileScope);
const uploads = `/v2/${repository}/blobs/uploads/`;
const uuid = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/;

test('POST then PUT: a relative Location with a UUID, then the blob under the one that was answered', async () => {
  const opened = await ask(registry, 'POST', uploads, { 'content-length': '0' });
  assert.equal(opened.status, 202, opened.text);
  assert.match(opened.headers.location!, uuid);
  assert.ok(opened.headers.location!.startsWith('/v2/'));
  const stored = await finish(registry, opened.headers.location!, digestOf('whole'), 'whole');
  assert.deepEqual([stored.status, stored.headers['docker-content-digest']], [201, digestOf('whole')]);
  assert.equal((await ask(registry, 'GET', stored.headers.location!)).text, 'whole');
});

test('one POST with the digest: 201; with the digest of something else 400 and nothing is there', async () => {
  const path = `${uploads}?digest=${digestOf('single')}`;
  const wrong = await request(registry, { method: 'POST', path, body: 'other' });
  assert.deepEqual([wrong.status, wrong.json.errors[0].code], [400, 'DIGEST_INVALID']);
  assert.equal((await getBlob(registry, repository, digestOf('single'))).status, 404);
  const stored = await request(registry, { method: 'POST', path, body: 'single' });
  assert.equal(stored.status, 201, stored.text);
  assert.equal((await ask(registry, 'GET', stored.headers.location!)).text, 'single');
});

test('a zero-byte blob, by PUT and by POST, and its HEAD', async () => {
  const digest = digestOf('');
  const put = await finish(registry, await openUpload(registry, repository), digest, '');
  assert.equal(put.status, 201, put.text);
  assert.equal(
    (await request(registry, { method: 'POST', path: `${uploads}?digest=${digest}` })).status,
    201,
  );
  const head = await ask(registry, 'HEAD', `/v2/${repository}/blobs/${digest}`);
  assert.deepEqual([head.status, head.headers['content-length']], [200, '0']);
  assert.equal((await getBlob(registry, repository, digest)).body.length, 0);
});

test('chunks: retried, out of order, status, and the rest; the final PUT without a body', async () => {
  const at = await openUpload(registry, repository);
  const first = await patch(registry, at, 'chunk-1', '0-6');
  assert.deepEqual([first.status, first.headers.range], [202, '0-6']);
  for (const range of ['0-6', '9-15']) {
    const refused = await patch(registry, first.headers.location!, 'chunk-1', range);
    assert.deepEqual([refused.status, refused.headers.range], [416, '0-6'], refused.text);
  }
  const status = await ask(registry, 'GET', at);
  assert.deepEqual([status.status, status.headers.range, status.text], [204, '0-6', '']);
  const second = await patch(registry, status.headers.location!, 'chunk-2', '7-13');
  assert.equal(second.headers.range, '0-13');
  const closed = await finish(registry, second.headers.location!, digestOf('chunk-1chunk-2'));
  assert.equal(closed.status, 201, closed.text);
  assert.equal((await ask(registry, 'GET', closed.headers.location!)).text, 'chunk-1chunk-2');
  assert.equal((await ask(registry, 'GET', at)).status, 404, 'the session is over');
});

test('the final PUT with the last chunk: 416 where it does not belong, then 201', async () => {
  const at = await openUpload(registry, repository);
  await patch(registry, at, 'first', '0-4');
  const digest = digestOf('firstlast');
  const bad = await finish(registry, at, digest, 'last', { 'content-range': '9-12' });
  assert.deepEqual([bad.status, bad.headers.range], [416, '0-4'], bad.text);
  assert.equal((await finish(registry, at, digest, 'last', { 'content-range': '5-8' })).status, 201);
});

test('a PATCH without Content-Range and without Content-Length goes on at the end', async () => {
  const at = await openUpload(registry, repository);
  for (const text of ['streamed ', 'in two']) {
    const body = Readable.from([Buffer.from(text)]);
    const answer = await request(registry, { method: 'PATCH', path: at, body });
    assert.equal(answer.status, 202, answer.text);
  }
  assert.equal(await statusOf(registry, at), '0-14');
  assert.equal((await finish(registry, at, digestOf('streamed in two'))).status, 201);
});

test('a chunked body that is longer than its Content-Range is 400 through the gateway, and not kept', async () => {
  const at = await openUpload(registry, repository);
  const headers = { ...registry.headers, 'content-range': '0-3' };
  const body = Readable.from([Buffer.alloc(100_000)]);
  const answer = await request(registry, { method: 'PATCH', path: at, headers, body });
  assert.deepEqual([answer.status, answer.json.errors[0].code], [400, 'SIZE_INVALID']);
  assert.equal(await statusOf(registry, at), '0-0');
});

test('a cancelled upload is unknown to every method, twice', async () => {
  const at = await openUpload(registry, repository);
  await patch(registry, at, 'bytes', '0-4');
  const cancelled = await ask(registry, 'DELETE', at, { 'content-length': '0' });
  assert.deepEqual([cancelled.status, cancelled.text], [204, '']);
  const answers = [
    await ask(registry, 'GET', at),
    await patch(registry, at, 'more', '5-8'),
    await finish(registry, at, digestOf('bytes')),
    await ask(registry, 'DELETE', at),
  ];
  for (const answer of answers) {
    assert.deepEqual([answer.status, answer.json.errors[0].code], [404, 'BLOB_UPLOAD_UNKNOWN']);
  }
});

test('a digest that is none, of an unsupported algorithm or of other bytes is 400, and the session goes on', async () => {
  const at = await openUpload(registry, repository);
  await patch(registry, at, 'bytes');
  for (const digest of ['sha256:totallywrong', `md5:${'a'.repeat(32)}`, 'nonsense', digestOf('other')]) {
    const answer = await finish(registry, at, digest);
    assert.deepEqual([answer.status, answer.json.errors[0].code], [400, 'DIGEST_INVALID'], digest);
  }
  for (const query of ['?digest=sha256:no', '?digest-algorithm=md5', '?mount=sha256:no&from=spec/other']) {
    assert.equal((await ask(registry, 'POST', uploads + query)).status, 400, query);
  }
  assert.equal((await finish(registry, at, digestOf('bytes'))).status, 201);
});

test('sha512 through the gateway: announced, in chunks, by one POST, and mounted', async () => {
  const at = await openUpload(registry, repository, '?digest-algorithm=sha512');
  await patch(registry, at, 'long ', '0-4');
  await patch(registry, at, 'hash', '5-8');
  const digest = sha512Of('long hash');
  assert.equal((await finish(registry, at, digest)).status, 201);
  const head = await ask(registry, 'HEAD', `/v2/${repository}/blobs/${digest}`);
  assert.deepEqual(
    [head.status, head.headers['content-length'], head.headers['docker-content-digest']],
    [200, '9', digest],
  );
  const mounted = await ask(
    registry,
    'POST',
    `/v2/${other}/blobs/uploads/?mount=${digest}&from=${repository}`,
  );
  assert.equal(mounted.status, 201);
  assert.equal((await ask(registry, 'GET', mounted.headers.location!)).text, 'long hash');
  const path = `${uploads}?digest=${sha512Of('single')}`;
  assert.equal((await request(registry, { method: 'POST', path, body: 'single' })).status, 201);
});

test('a mount: 201 of what is there, with from and without, else 202 and a session that works', async () => {
  const digest = await pushBlob(registry, other, 'to be mounted');
  for (const query of [`?mount=${digest}&from=${other}`, `?mount=${digest}`]) {
    const answer = await ask(registry, 'POST', uploads + query);
    assert.deepEqual([answer.status, answer.headers['docker-content-digest']], [201, digest], query);
    assert.equal((await ask(registry, 'GET', answer.headers.location!)).text, 'to be mounted');
  }
  const absent = digestOf('nowhere');
  for (const query of [
    `?mount=${absent}`,
    `?mount=${absent}&from=${other}`,
    `?mount=${absent}&from=${nowhere}`,
  ]) {
    const answer = await ask(registry, 'POST', uploads + query);
    assert.equal(answer.status, 202, query);
    assert.equal((await finish(registry, answer.headers.location!, absent, 'nowhere')).status, 201);
    assert.equal((await ask(registry, 'DELETE', `/v2/${repository}/blobs/${absent}`)).status, 202);
  }
});
