import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describe, emptyConfig, image, imageOf, index } from '../registry-core/manifests.ts';
import { type Answer, as, type RequestOptions, request } from '../support/http.ts';
import { digestOf, OCI_INDEX, pushBlob } from '../support/push.ts';
import { fileScope } from '../support/scope.ts';
import { password, startCore, startGateway } from './support.ts';

const gateway = await startGateway(fileScope, { 'limits.account_requests': '300/1m' });
await startCore(fileScope, gateway.data);
const admin = as(gateway, 'admin', password);
const base = '/v2/team/app';
await pushBlob(admin, 'team/app', '{}');
const held = await imageOf(admin, 'team/app', 'held');
const list = index([describe(held)]);
await put(digestOf(held), held);
await put('list', list);
const absent = digestOf('absent');
const session = '00000000-0000-0000-0000-000000000000';

function put(reference: string, body: Buffer | string, type?: string): Promise<Answer> {
  const contentType = type ?? JSON.parse(body.toString()).mediaType;
  const path = `${base}/manifests/${reference}`;
  return request(admin, { method: 'PUT', path, headers: { 'content-type': contentType }, body });
}

const ask = (path: string, options: RequestOptions = {}) => request(admin, { path, ...options });

/** The fourteen codes of the specification but BLOB_UPLOAD_INVALID, which needs a second writer. */
const errors: [code: string, status: number, detail: object, provoke: () => Promise<Answer>][] = [
  ['BLOB_UNKNOWN', 404, { digest: absent }, () => ask(`${base}/blobs/${absent}`)],
  ['BLOB_UPLOAD_UNKNOWN', 404, { session }, () => ask(`${base}/blobs/uploads/${session}`)],
  [
    'DIGEST_INVALID',
    400,
    { digest: absent, received: digestOf('other'), bytes: 5 },
    () => ask(`${base}/blobs/uploads/?digest=${absent}`, { method: 'POST', body: 'other' }),
  ],
  [
    'DIGEST_INVALID',
    400,
    { algorithm: 'md5', supported: ['sha256', 'sha512'] },
    () => ask(`${base}/blobs/uploads/?digest-algorithm=md5`, { method: 'POST' }),
  ],
  [
    'MANIFEST_BLOB_UNKNOWN',
    400,
    { blobs: [absent], manifests: [] },
    () => put('new', image(emptyConfig, [{ ...emptyConfig, digest: absent }])),
  ],
  [
    'MANIFEST_INVALID',
    400,
    { mediaType: emptyConfig.mediaType, contentType: OCI_INDEX },
    () => put('new', JSON.stringify({ schemaVersion: 2, mediaType: emptyConfig.mediaType }), OCI_INDEX),
  ],
  ['MANIFEST_UNKNOWN', 404, { name: 'team/app', reference: 'no' }, () => ask(`${base}/manifests/no`)],
  ['NAME_INVALID', 400, { name: 'Team' }, () => ask('/v2/Team/tags/list')],
  ['NAME_UNKNOWN', 404, { name: 'team/none' }, () => ask('/v2/team/none/tags/list')],
  [
    'SIZE_INVALID',
    413,
    { maxManifestBytes: 4_194_304 },
    () => put('new', Buffer.alloc(4_194_305, ' '), OCI_INDEX),
  ],
  [
    'UNAUTHORIZED',
    401,
    { repository: 'team/app', action: 'pull' },
    () => request(gateway, { path: `${base}/tags/list` }),
  ],
  [
    'DENIED',
    403,
    { repository: 'other', action: 'pull' },
    () => request(as(gateway, 'alice', password), { path: '/v2/other/tags/list' }),
  ],
  [
    'UNSUPPORTED',
    405,
    { manifests: [digestOf(list)] },
    () => ask(`${base}/manifests/${digestOf(held)}`, { method: 'DELETE' }),
  ],
];

for (const [code, status, detail, provoke] of errors) {
  test(`${code} with ${Object.keys(detail).join(', ')}`, async () => {
    assertError(await provoke(), status, code, detail);
  });
}

test('TOOMANYREQUESTS: 429 with Retry-After', async () => {
  const bob = as(gateway, 'bob', password);
  const answers = await Promise.all(Array.from({ length: 310 }, () => request(bob, { path: '/v2/' })));
  const refused = answers.find(({ status }) => status !== 200)!;
  const { retryAfterSeconds } = refused.json.errors[0].detail;
  assert.ok(retryAfterSeconds > 0 && retryAfterSeconds <= 60);
  assert.equal(refused.headers['retry-after'], String(retryAfterSeconds));
  assertError(refused, 429, 'TOOMANYREQUESTS', { retryAfterSeconds });
});

test('a condition of our own goes out under a code of the specification, with its name in the detail', async () => {
  const digest = await pushBlob(admin, 'team/app', '0123456789');
  const beyond = await ask(`${base}/blobs/${digest}`, { headers: { range: 'bytes=10-' } });
  assertError(beyond, 416, 'SIZE_INVALID', { condition: 'RANGE_INVALID', size: 10 });
  const doubled = await ask(`${base}/tags/list?n=1&n=2`);
  assertError(doubled, 400, 'UNSUPPORTED', { condition: 'PARAMETER_INVALID', parameter: 'n' });
  const number = await ask(`${base}/tags/list?n=x`);
  assertError(number, 400, 'UNSUPPORTED', { condition: 'PAGINATION_NUMBER_INVALID', n: 'x' });
  const nowhere = await ask('/v2/nowhere');
  assertError(nowhere, 404, 'UNSUPPORTED', { condition: 'NOT_FOUND', path: '/v2/nowhere' });
});

function assertError(answer: Answer, status: number, code: string, detail: object): void {
  assert.equal(answer.status, status, answer.text);
  assert.equal(answer.headers['content-type'], 'application/json; charset=utf-8');
  const { errors: entries, ...others } = answer.json;
  assert.deepEqual([others, entries.length], [{}, 1]);
  const { message, ...rest } = entries[0];
  assert.deepEqual(rest, { code, detail });
  assert.ok(message.length > 10, message);
}
