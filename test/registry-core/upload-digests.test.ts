import assert from 'node:assert/strict';
import test from 'node:test';
import { request } from '../support/http.ts';
import { digestOf } from '../support/push.ts';
import { assertError, rowsOf, startCore } from './support.ts';
import { finish, getBlob, openUpload, patch, sha512Of, someBytes, statusOf } from './uploading.ts';

const emptyDigest = 'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

test('sha512, announced when the upload begins, in chunks', async (t) => {
  const core = await startCore(t);
  const bytes = someBytes(400_000);
  const digest = sha512Of(bytes);
  const at = await openUpload(core, 'digests', '?digest-algorithm=sha512');
  await patch(core, at, bytes.subarray(0, 300_000), '0-299999');
  await patch(core, at, bytes.subarray(300_000), '300000-399999');
  const answer = await finish(core, at, digest);
  assert.equal(answer.status, 201, answer.text);
  assert.equal(answer.headers['docker-content-digest'], digest);
  const got = await getBlob(core, 'digests', digest);
  assert.deepEqual(got.body, bytes);
  assert.equal(got.headers['docker-content-digest'], digest);
});

const ways: [name: string, open: string, digest: (bytes: Buffer) => string][] = [
  ['sha512 that nobody announced', '', sha512Of],
  ['sha256 although sha512 was announced', '?digest-algorithm=sha512', digestOf],
  ['sha256, announced', '?digest-algorithm=sha256', digestOf],
];

for (const [name, open, of] of ways) {
  test(`${name}: the whole blob is hashed again`, async (t) => {
    const core = await startCore(t);
    const bytes = someBytes(300_000);
    const at = await openUpload(core, 'digests', open);
    await patch(core, at, bytes.subarray(0, 290_000));
    const answer = await finish(core, at, of(bytes), bytes.subarray(290_000));
    assert.equal(answer.status, 201, answer.text);
    assert.deepEqual((await getBlob(core, 'digests', of(bytes))).body, bytes);
  });
}

test('sha512 in one POST', async (t) => {
  const core = await startCore(t);
  const path = `/v2/digests/blobs/uploads/?digest=${sha512Of('content')}`;
  assert.equal((await request(core, { method: 'POST', path, body: 'content' })).status, 201);
  assert.equal((await getBlob(core, 'digests', sha512Of('content'))).text, 'content');
});

test('an algorithm or a digest that is not supported is 400 and says what is', async (t) => {
  const core = await startCore(t);
  const start = { method: 'POST', path: '/v2/digests/blobs/uploads/?digest-algorithm=md5' };
  const detail = assertError(await request(core, start), 400, 'DIGEST_INVALID');
  assert.deepEqual(detail.supported, ['sha256', 'sha512']);
  const at = await openUpload(core, 'digests');
  for (const digest of [`md5:${'a'.repeat(32)}`, 'sha256:abc', 'nonsense', '', digestOf('x').toUpperCase()]) {
    assertError(await finish(core, at, digest, 'x'), 400, 'DIGEST_INVALID');
    assert.equal(await statusOf(core, at), '0-0', 'nothing of the body was taken');
  }
});

test('a wrong digest is 400, says what came, and the session can still be finished', async (t) => {
  const core = await startCore(t);
  const at = await openUpload(core, 'digests');
  await patch(core, at, 'one ');
  const wrong = await finish(core, at, digestOf('something else'), 'two');
  const detail = assertError(wrong, 400, 'DIGEST_INVALID');
  assert.deepEqual(detail, {
    digest: digestOf('something else'),
    received: digestOf('one two'),
    bytes: 7,
  });
  assert.equal(await statusOf(core, at), '0-6');
  assertError(await finish(core, at, sha512Of('something else')), 400, 'DIGEST_INVALID');
  assert.equal((await patch(core, at, ' three')).status, 202);
  assert.equal((await finish(core, at, digestOf('one two three'))).status, 201);
  assertError(await getBlob(core, 'digests', digestOf('something else')), 404, 'BLOB_UNKNOWN');
});

const emptyUploads: [name: string, put: string | undefined, patched: boolean][] = [
  ['a PUT without a body', undefined, false],
  ['a PUT with an empty body', '', false],
  ['an empty PATCH first', undefined, true],
];

for (const [name, body, patched] of emptyUploads) {
  test(`a blob of no bytes, by ${name}`, async (t) => {
    const core = await startCore(t);
    const at = await openUpload(core, 'digests');
    if (patched) assert.equal((await patch(core, at, '')).status, 202);
    const answer = await finish(core, at, emptyDigest, body);
    assert.equal(answer.status, 201, answer.text);
    const path = `/v2/digests/blobs/${emptyDigest}`;
    const head = await request(core, { method: 'HEAD', path });
    assert.deepEqual([head.status, head.headers['content-length']], [200, '0']);
    const got = await request(core, { path });
    assert.deepEqual([got.status, got.text], [200, '']);
    assert.deepEqual(rowsOf(core.config, 'SELECT size, state FROM blobs'), [{ size: 0, state: 'present' }]);
  });
}
