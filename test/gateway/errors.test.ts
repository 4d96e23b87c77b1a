import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ErrorCode, sentCode } from '../../oci/errors.ts';
import { as, request } from '../support/http.ts';
import { fileScope } from '../support/scope.ts';
import { password, raw, startFakeCore, startGateway } from './support.ts';

const gateway = await startGateway(fileScope);
await startFakeCore(fileScope, gateway.data, (_request, response) => response.end('{}'));
const digest = `sha256:${'a'.repeat(64)}`;

const cases: [name: string, status: number, code: ErrorCode, options: Parameters<typeof request>[1]][] = [
  ['unknown path', 404, 'NOT_FOUND', { path: '/nowhere' }],
  ['unknown path of the API', 404, 'NOT_FOUND', { path: '/v2/nowhere' }],
  ['a name of Object.prototype', 404, 'NOT_FOUND', { path: '/constructor' }],
  ['path above the root', 404, 'NOT_FOUND', { path: '/../etc/passwd' }],
  ['absolute-form target', 400, 'URL_INVALID', { path: 'http://localhost/v2/' }],
  ['bad percent-encoding', 400, 'URL_INVALID', { path: '/v2/a%zz/tags/list' }],
  ['too long a target', 414, 'URL_INVALID', { path: `/${'x'.repeat(9000)}` }],
  ['bad repository name', 400, 'NAME_INVALID', { path: '/v2/UPPER/tags/list' }],
  ['encoded slash', 400, 'URL_INVALID', { path: '/v2/a%2f..%2fb/tags/list' }],
  ['bad digest', 404, 'BLOB_UNKNOWN', { path: '/v2/a/blobs/sha256:zz' }],
  ['bad digest of a write', 400, 'DIGEST_INVALID', { path: '/v2/a/blobs/sha256:zz', method: 'DELETE' }],
  ['bad tag', 404, 'MANIFEST_UNKNOWN', { path: '/v2/a/manifests/-x' }],
  ['bad tag of a write', 400, 'TAG_INVALID', { path: '/v2/a/manifests/-x', method: 'PUT' }],
  ['parameter twice', 400, 'PARAMETER_INVALID', { path: '/v2/a/tags/list?n=1&n=2' }],
  ['method of the API', 405, 'UNSUPPORTED', { path: '/v2/', method: 'POST' }],
  ['method of the token endpoint', 405, 'UNSUPPORTED', { path: '/token', method: 'PUT', body: 'a=b' }],
  ['no form for the token endpoint', 415, 'UNSUPPORTED', { path: '/token', method: 'POST', body: 'a=b' }],
  ['method of the health page', 405, 'UNSUPPORTED', { path: '/healthz', method: 'DELETE' }],
  ['PROPFIND', 405, 'UNSUPPORTED', { path: '/v2/', method: 'PROPFIND' }],
  ['no credentials', 401, 'UNAUTHORIZED', { path: '/v2/_catalog' }],
  ['wrong password', 401, 'UNAUTHORIZED', { path: '/v2/', user: 'alice', password: 'wrong' }],
  ['malformed credentials', 401, 'UNAUTHORIZED', { path: '/v2/', headers: { authorization: 'Nonsense' } }],
  ['bad token', 401, 'UNAUTHORIZED', { path: '/v2/', headers: { authorization: 'Bearer a.b.c' } }],
  ['foreign repository', 403, 'DENIED', { path: `/v2/other/blobs/${digest}`, user: 'alice', password }],
  ['unknown host', 421, 'MISDIRECTED', { path: '/v2/', headers: { host: 'elsewhere.example' } }],
  ['unknown expectation', 417, 'UNSUPPORTED', { path: '/v2/', headers: { expect: 'miracles' } }],
  ['bad scope', 400, 'PARAMETER_INVALID', { path: '/token?scope=x' }],
  ['foreign service', 400, 'PARAMETER_INVALID', { path: '/token?service=other' }],
  ['service twice', 400, 'PARAMETER_INVALID', { path: '/token?service=&service=' }],
];

for (const [name, status, code, options] of cases) {
  test(`answers in JSON: ${name}`, async () => {
    const answer = await request(gateway, options);
    assert.equal(answer.status, status, answer.text);
    const [error] = answer.json.errors;
    assert.equal(error.code, sentCode(code));
    if (error.code !== code) assert.equal(error.detail.condition, code);
    assert.match(answer.headers['content-type']!, /^application\/json/);
    assert.equal(answer.headers['docker-distribution-api-version'], 'registry/2.0');
    assert.equal(answer.headers['x-content-type-options'], 'nosniff');
    assert.ok(answer.headers['x-request-id']);
    if (status === 405) assert.ok(answer.headers.allow);
  });
}

const host = `Host: ${gateway.host}`;
const malformed: [name: string, status: number, text: string][] = [
  ['no HTTP at all', 400, 'GET / HTTP/1.1\r\nno colon here\r\n\r\n'],
  ['unknown method', 405, `FOO /v2/ HTTP/1.1\r\n${host}\r\n\r\n`],
  ['CONNECT', 405, `CONNECT a:443 HTTP/1.1\r\n${host}\r\n\r\n`],
  ['headers too large', 431, `GET / HTTP/1.1\r\n${host}\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`],
  ['no Host', 400, 'GET /v2/ HTTP/1.1\r\nConnection: close\r\n\r\n'],
  ['two Hosts', 400, `GET /v2/ HTTP/1.1\r\n${host}\r\n${host}\r\nConnection: close\r\n\r\n`],
  ['Host with user', 400, `GET /v2/ HTTP/1.1\r\nHost: a@${gateway.host}\r\nConnection: close\r\n\r\n`],
  [
    'two Authorizations',
    400,
    `GET /v2/ HTTP/1.1\r\n${host}\r\nAuthorization: Basic a\r\nAuthorization: Basic b\r\nConnection: close\r\n\r\n`,
  ],
  [
    'length and chunks',
    400,
    `POST /v2/ HTTP/1.1\r\n${host}\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  ],
  ['two lengths', 400, `POST /v2/ HTTP/1.1\r\n${host}\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc`],
];

for (const [name, status, text] of malformed) {
  test(`answers in JSON: ${name}`, async () => {
    const received = await raw(gateway.port, text);
    assert.match(received, new RegExp(`^HTTP/1.1 ${status} `));
    assert.match(received, /\r\nContent-Type: application\/json/i);
    if (status === 405) assert.match(received, /\r\nAllow: GET, /);
    const body = received.slice(received.indexOf('\r\n\r\n') + 4);
    assert.ok(JSON.parse(body).errors[0].code, body);
  });
}

test('a HEAD that fails has no body', async () => {
  const answer = await request(gateway, { path: '/nowhere', method: 'HEAD' });
  assert.equal(answer.status, 404);
  assert.equal(answer.body.length, 0);
});

test('OPTIONS is answered without credentials, with what is allowed and nothing for other origins', async () => {
  for (const [path, allow] of [
    ['/v2/', 'GET, HEAD, OPTIONS'],
    ['/v2/team/x/blobs/uploads/', 'POST, OPTIONS'],
    [`/v2/team/x/manifests/v1`, 'GET, HEAD, PUT, DELETE, OPTIONS'],
    ['/token', 'GET, POST, OPTIONS'],
  ] as const) {
    const headers = { origin: 'https://elsewhere.example', 'access-control-request-method': 'GET' };
    const answer = await request(gateway, { method: 'OPTIONS', path, headers });
    assert.equal(answer.status, 204);
    assert.equal(answer.headers.allow, allow);
    assert.equal(answer.headers['access-control-allow-origin'], undefined);
  }
  assert.equal((await request(gateway, { method: 'OPTIONS', path: '/nowhere' })).status, 404);
});

test('the health page answers under any name, and the front page in JSON', async () => {
  const healthy = await request(gateway, { path: '/healthz', headers: { host: 'anything' } });
  assert.deepEqual([healthy.status, healthy.json], [200, { status: 'ok' }]);
  assert.equal((await request(gateway, { path: '/' })).json.registry, '/v2/');
});

test('the log has a line per request, without credentials and queries', async () => {
  await request(as(gateway, 'alice', 'secret-in-password'), { path: '/token?scope=secret-in-query' });
  await request(as(gateway, 'alice', 'secret-in-password'), { path: '/token?account=secret-in-query' });
  const failure = gateway.log.findLast(({ message }) => message === 'login failed');
  assert.deepEqual(
    [failure?.fields['address'], failure?.fields['account'], failure?.fields['reason']],
    ['127.0.0.1', 'alice', 'password'],
  );
  const line = gateway.log.findLast(
    ({ message, fields }) => message === 'request' && fields['status'] === 401,
  );
  assert.deepEqual([line?.fields['method'], line?.fields['path']], ['GET', '/token']);
  assert.doesNotMatch(JSON.stringify(gateway.log), /secret-in/);
});

test('no control character of a client gets into the log', async () => {
  const agent = 'a\u009b31mb\u0085c\u00e9';
  await raw(gateway.port, `GET /healthz HTTP/1.1\r\nUser-Agent: ${agent}\r\nConnection: close\r\n\r\n`);
  const named = gateway.log.map(({ fields }) => fields['userAgent']).filter((name) => name !== undefined);
  assert.ok(named.length > 0);
  assert.doesNotMatch(JSON.stringify(named), /[\u0000-\u001f\u007f-\u009f]/);
});
