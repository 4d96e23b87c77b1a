import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { test } from 'node:test';
import { OciError } from '../../oci/errors.ts';
import { sendError } from '../../runtime/error-response.ts';
import { request } from '../support/http.ts';
import type { Scope } from '../support/scope.ts';
import { memoryLog, serve } from './support.ts';

/** A server whose every answer is that error. */
async function failing(
  scope: Scope,
  thrown: unknown,
  prepare: (response: ServerResponse) => void = () => {},
) {
  const log = memoryLog();
  const sent: OciError[] = [];
  const { origin } = await serve(scope, (_, response) => {
    prepare(response);
    sent.push(sendError(response, thrown, log, 'request-1'));
  });
  return { log, sent, get: (method = 'GET') => request(origin, { method }) };
}

test('an OciError is answered as JSON with its status, detail and headers', async (t) => {
  const headers = { 'Retry-After': '5' };
  const { get, log, sent } = await failing(t, new OciError('TOOMANYREQUESTS', { detail: { ä: 1 }, headers }));
  const answer = await get();
  assert.equal(answer.status, 429);
  assert.deepEqual(answer.json, {
    errors: [{ code: 'TOOMANYREQUESTS', message: 'too many requests', detail: { ä: 1 } }],
  });
  assert.equal(answer.headers['content-type'], 'application/json; charset=utf-8');
  assert.equal(answer.headers['content-length'], String(answer.body.length));
  assert.equal(answer.headers['cache-control'], 'no-store');
  assert.equal(answer.headers['x-content-type-options'], 'nosniff');
  assert.equal(answer.headers['retry-after'], '5');
  assert.equal(sent[0]?.code, 'TOOMANYREQUESTS');
  assert.deepEqual(log.lines, []);
});

test('HEAD has the headers of the body without the body', async (t) => {
  const { get } = await failing(t, new OciError('BLOB_UNKNOWN'));
  const [head, whole] = [await get('HEAD'), await get()];
  assert.deepEqual([head.status, head.body.length], [404, 0]);
  assert.equal(head.headers['content-length'], String(whole.body.length));
});

test('headers of the answer that failed go, those of the request as a whole stay', async (t) => {
  const { get } = await failing(t, new OciError('DENIED'), (response) => {
    response.setHeader('X-Request-Id', 'r');
    response.setHeader('Docker-Distribution-Api-Version', 'registry/2.0');
    response.setHeader('Vary', 'Origin');
    for (const name of [
      'ETag',
      'Content-Range',
      'Content-Encoding',
      'Location',
      'Set-Cookie',
      'Docker-Content-Digest',
    ]) {
      response.setHeader(name, 'x');
    }
    response.setHeader('Content-Length', 10_000);
    response.setHeader('X-Accel-Redirect', '/blobs/x');
  });
  const { headers } = await get();
  const { date: _, connection: __, ...rest } = headers;
  assert.deepEqual(Object.keys(rest).sort(), [
    'cache-control',
    'content-length',
    'content-type',
    'docker-distribution-api-version',
    'vary',
    'x-content-type-options',
    'x-request-id',
  ]);
});

for (const code of ['ENOSPC', 'EDQUOT', 'SQLITE_FULL']) {
  test(`${code} is 507, in words for who pushes`, async (t) => {
    const { get } = await failing(t, Object.assign(new Error(`${code}: /data/x`), { code }));
    const answer = await get();
    assert.deepEqual([answer.status, answer.json.errors[0].code], [507, 'STORAGE_FULL']);
    assert.match(answer.json.errors[0].message, /no space left/);
    assert.doesNotMatch(answer.text, /data/);
  });
}

test('a database that somebody else holds is 503, to be tried again', async (t) => {
  const { get } = await failing(
    t,
    Object.assign(new Error('database is locked'), { code: 'SQLITE_BUSY_SNAPSHOT' }),
  );
  const answer = await get();
  assert.deepEqual([answer.status, answer.json.errors[0].code], [503, 'UNAVAILABLE']);
  assert.equal(answer.headers['retry-after'], '5');
});

for (const thrown of [new Error('secret /data/users.db'), 'secret', { secret: 1 }, undefined, null, 5]) {
  test(`${String(thrown)}, which nobody expected, is logged and tells the client nothing`, async (t) => {
    const { get, log } = await failing(t, thrown);
    const answer = await get();
    assert.equal(answer.status, 500);
    assert.deepEqual(answer.json, { errors: [{ code: 'INTERNAL', message: 'internal error' }] });
    assert.deepEqual(log.lines, [
      { level: 'error', message: 'request failed', fields: { requestId: 'request-1', error: thrown } },
    ]);
  });
}

test('after the headers were sent the connection is cut', async (t) => {
  const { get, sent, log } = await failing(t, new Error('broken'), (response) => {
    response.writeHead(200, { 'Content-Length': 100 }).write('half');
  });
  await assert.rejects(get(), { code: 'ECONNRESET' });
  assert.deepEqual([sent[0]?.code, log.lines.length], ['INTERNAL', 1]);
});
