import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import test from 'node:test';
import { request, type Target } from '../support/http.ts';
import { digestOf } from '../support/push.ts';
import { assertError, startCore } from './support.ts';
import { finish, getBlob, openPatch, openUpload, patch, statusOf } from './uploading.ts';

test('chunks in order, the last one with the PUT', async (t) => {
  const core = await startCore(t);
  const at = await openUpload(core, 'chunks');
  const first = await patch(core, at, '0123', '0-3');
  assert.deepEqual([first.status, first.headers.range], [202, '0-3']);
  const second = await patch(core, first.headers.location!, '456', '4-6');
  assert.deepEqual([second.status, second.headers.range], [202, '0-6']);
  const digest = digestOf('0123456789');
  const last = await finish(core, at, digest, '789', { 'content-range': '7-9' });
  assert.equal(last.status, 201, last.text);
  assert.equal((await getBlob(core, 'chunks', digest)).text, '0123456789');
});

const outOfOrder = ['5-7', '3-5', '0-2', '9999999-10000001'];

for (const range of outOfOrder) {
  test(`after bytes 0-3 a chunk ${range} is 416, says where to go on, and costs nothing`, async (t) => {
    const core = await startCore(t);
    const at = await openUpload(core, 'chunks');
    await patch(core, at, '0123', '0-3');
    const refused = [
      await patch(core, at, 'xyz', range),
      await finish(core, at, digestOf('0123xyz'), 'xyz', { 'content-range': range }),
    ];
    for (const answer of refused) {
      assert.deepEqual(assertError(answer, 416, 'RANGE_INVALID'), { offset: 4, contentRange: range });
      assert.equal(answer.headers.range, '0-3');
      assert.equal(answer.headers.location, at);
    }
    assert.equal(await statusOf(core, at), '0-3');
    await patch(core, at, '456', '4-6');
    assert.equal((await finish(core, at, digestOf('0123456'))).status, 201);
  });
}

test('a first chunk begins with 0', async (t) => {
  const core = await startCore(t);
  const at = await openUpload(core, 'chunks');
  const answer = await patch(core, at, '123', '1-3');
  assertError(answer, 416, 'RANGE_INVALID');
  assert.equal(answer.headers.range, '0-0');
  assert.equal((await patch(core, at, '0123', '0-3')).status, 202);
});

const malformed = [
  '3-0',
  '-3',
  '0-',
  'x-y',
  '0-3,4-5',
  '1.5-2',
  '99999999999999999999-999999999999999999999',
];

for (const range of malformed) {
  test(`Content-Range ${range} is 400`, async (t) => {
    const core = await startCore(t);
    const at = await openUpload(core, 'chunks');
    assertError(await patch(core, at, '0123', range), 400, 'RANGE_INVALID');
    assert.equal(await statusOf(core, at), '0-0');
  });
}

test('Content-Range in the form of RFC 9110, as some clients send it, is understood', async (t) => {
  const core = await startCore(t);
  const at = await openUpload(core, 'chunks');
  assert.equal((await patch(core, at, '0123', 'bytes 0-3/*')).status, 202);
  assert.equal((await patch(core, at, '45', 'bytes=4-5')).status, 202);
  assert.equal(await statusOf(core, at), '0-5');
});

test('a length that differs from the range is 400 and nothing of it is kept', async (t) => {
  const core = await startCore(t);
  const at = await openUpload(core, 'chunks');
  for (const body of ['012', '01234']) {
    assertError(await patch(core, at, body, '0-3'), 400, 'SIZE_INVALID');
    assert.equal(await statusOf(core, at), '0-0');
  }
  assertError(await patch(core, at, '012', '5-9'), 416, 'RANGE_INVALID');
  assert.equal((await patch(core, at, '0123', '0-3')).status, 202);
});

for (const body of ['012', '01234', '']) {
  test(`a body of ${body.length} bytes without Content-Length, announced as 0-3, is 400 and not kept`, async (t) => {
    const core = await startCore(t);
    const at = await openUpload(core, 'chunks');
    const chunked = { 'content-range': '0-3', 'transfer-encoding': 'chunked' };
    const sending = openPatch(core, at, chunked);
    if (body !== '') await sending.send(Buffer.from(body));
    sending.end();
    assert.equal(await sending.answered, 400);
    assert.equal(await statusOf(core, at), '0-0');
    const put = { method: 'PUT', path: `${at}?digest=${digestOf(body)}`, body: Readable.from([body]) };
    const answer = await request(core, { ...put, headers: { ...core.headers, ...chunked } });
    assert.deepEqual(assertError(answer, 400, 'SIZE_INVALID'), { announced: 4 });
    assert.equal((await patch(core, at, '0123', '0-3')).status, 202);
    assert.equal((await finish(core, at, digestOf('0123'))).status, 201);
  });
}

test('a chunk far longer than announced, after others: what was there before stays, with its hash', async (t) => {
  const core = await startCore(t);
  const at = await openUpload(core, 'chunks');
  await patch(core, at, '0123', '0-3');
  const sending = openPatch(core, at, { 'content-range': '4-5', 'transfer-encoding': 'chunked' });
  await sending.send(Buffer.alloc(3_000_000));
  sending.end();
  assert.equal(await sending.answered, 400);
  assert.equal(await statusOf(core, at), '0-3');
  assert.equal((await finish(core, at, digestOf('012345'), '45', { 'content-range': '4-5' })).status, 201);
});

test('clients are asked for chunks of a least length where that is set, and smaller ones are taken', async (t) => {
  const asked = async (core: Target) =>
    (await request(core, { method: 'POST', path: '/v2/chunks/blobs/uploads/' })).headers[
      'oci-chunk-min-length'
    ];
  assert.equal(await asked(await startCore(t)), undefined);
  const core = await startCore(t, { settings: { 'uploads.min_chunk_bytes': '1048576' } });
  assert.equal(await asked(core), '1048576');
  const at = await openUpload(core, 'chunks');
  for (const [body, range] of [
    ['01', '0-1'],
    ['23', '2-3'],
  ] as const) {
    assert.equal((await patch(core, at, body, range)).status, 202);
  }
  assert.equal((await finish(core, at, digestOf('0123'))).status, 201);
});

test('PUT without a digest is 400, the session stays', async (t) => {
  const core = await startCore(t);
  const at = await openUpload(core, 'chunks');
  await patch(core, at, '0123');
  assertError(await request(core, { method: 'PUT', path: at }), 400, 'DIGEST_INVALID');
  assert.equal(await statusOf(core, at), '0-3');
});

test('an empty PATCH changes nothing', async (t) => {
  const core = await startCore(t);
  const at = await openUpload(core, 'chunks');
  await patch(core, at, '0123');
  const answer = await patch(core, at, '');
  assert.deepEqual([answer.status, answer.headers.range], [202, '0-3']);
});
