import assert from 'node:assert/strict';
import test, { before } from 'node:test';
import { type Answer, request } from '../support/http.ts';
import { pushBlob } from '../support/push.ts';
import { fileScope } from '../support/scope.ts';
import { assertError, startCore, type TestCore } from './support.ts';

const text = '0123456789';
let core: TestCore;
let path: string;
let etag: string;
before(async () => {
  core = await startCore(fileScope);
  const digest = await pushBlob(core, 'ranges', text);
  path = `/v2/ranges/blobs/${digest}`;
  etag = `"${digest}"`;
});

function get(headers: Record<string, string>, method = 'GET'): Promise<Answer> {
  return request(core, { method, path, headers: { ...core.headers, ...headers } });
}

const satisfiable: [range: string, contentRange: string, body: string][] = [
  ['bytes=0-0', 'bytes 0-0/10', '0'],
  ['bytes=2-4', 'bytes 2-4/10', '234'],
  ['bytes=7-', 'bytes 7-9/10', '789'],
  ['bytes=0-', 'bytes 0-9/10', text],
  ['bytes=8-100', 'bytes 8-9/10', '89'],
  ['bytes=-3', 'bytes 7-9/10', '789'],
  ['bytes=-100', 'bytes 0-9/10', text],
  ['bytes=9-9', 'bytes 9-9/10', '9'],
  ['BYTES=1-2', 'bytes 1-2/10', '12'],
];

for (const [range, contentRange, body] of satisfiable) {
  test(`Range ${range} is 206 with ${contentRange}`, async () => {
    const answer = await get({ range });
    assert.equal(answer.status, 206);
    assert.equal(answer.headers['content-range'], contentRange);
    assert.equal(answer.headers['content-length'], String(body.length));
    assert.equal(answer.headers.etag, etag);
    assert.equal(answer.headers['docker-content-digest'], etag.slice(1, -1));
    assert.equal(answer.text, body);
  });
}

for (const range of ['bytes=10-', 'bytes=10-12', 'bytes=999999999999999-', 'bytes=-0', 'bytes=4-2']) {
  test(`Range ${range} is 416 and says how long the blob is`, async () => {
    const answer = await get({ range });
    assert.deepEqual(assertError(answer, 416, 'RANGE_INVALID'), { size: 10 });
    assert.equal(answer.headers['content-range'], 'bytes */10');
  });
}

// RFC 9110 section 14.2: what is malformed, of another unit or too much at once may be ignored.
for (const range of ['lines=1-2', 'bytes=a-b', 'bytes=-', 'bytes=0-1,4-5', 'bytes', '0-4']) {
  test(`Range ${range} is ignored`, async () => {
    const answer = await get({ range });
    assert.equal(answer.status, 200);
    assert.equal(answer.text, text);
  });
}

test('If-Range: only the same entity, strongly compared, leaves the range in force', async () => {
  const range = 'bytes=0-1';
  assert.equal((await get({ range, 'if-range': etag })).status, 206);
  for (const other of ['"sha256:other"', `W/${etag}`, 'Wed, 21 Oct 2015 07:28:00 GMT', '*']) {
    const answer = await get({ range, 'if-range': other });
    assert.equal(answer.status, 200, other);
    assert.equal(answer.text, text);
  }
  assert.equal((await get({ range: 'bytes=99-', 'if-range': '"other"' })).status, 200);
});

test('If-None-Match with the entity’s tag is 304 without a body, whatever the range', async () => {
  for (const value of [etag, `W/${etag}`, `"a", ${etag}`, '*']) {
    for (const method of ['GET', 'HEAD']) {
      const answer = await get({ 'if-none-match': value, range: 'bytes=0-1' }, method);
      assert.equal(answer.status, 304, value);
      assert.equal(answer.headers.etag, etag);
      assert.equal(answer.text, '');
    }
  }
  assert.equal((await get({ 'if-none-match': '"other"' })).text, text);
});

test('HEAD is about the whole blob', async () => {
  const answer = await get({ range: 'bytes=0-1' }, 'HEAD');
  assert.equal(answer.status, 200);
  assert.equal(answer.headers['content-length'], '10');
});
