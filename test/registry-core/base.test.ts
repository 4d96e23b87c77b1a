import assert from 'node:assert/strict';
import test, { before } from 'node:test';
import { internalHeaders } from '../../runtime/request-context.ts';
import { request } from '../support/http.ts';
import { fileScope } from '../support/scope.ts';
import { assertError, startCore, type TestCore } from './support.ts';

let core: TestCore;
before(async () => {
  core = await startCore(fileScope);
});

const digest = `sha256:${'a'.repeat(64)}`;
const session = '00000000-0000-4000-8000-000000000000';

test('the base says that this is a registry', async () => {
  for (const method of ['GET', 'HEAD']) {
    const answer = await request(core, { method, path: '/v2/' });
    assert.equal(answer.status, 200);
    assert.equal(answer.headers['docker-distribution-api-version'], 'registry/2.0');
    assert.match(answer.headers['content-type']!, /^application\/json/);
    assert.equal(answer.text, method === 'GET' ? '{}' : '');
    assert.equal(answer.headers['content-length'], '2');
  }
});

test('a path that is none of the registry’s is 404 in the OCI form', async () => {
  const paths = [
    '/',
    '/v1/',
    '/v2x',
    '/v2/a',
    '/v2/a/b',
    '/v2/a/tags/',
    '/v2/a/tags/list/x',
    '/v2/_catalog/x',
  ];
  for (const path of [...paths, '/metrics', '/v2/a/blobs']) {
    assertError(await request(core, { path }), 404, 'NOT_FOUND');
  }
  const head = await request(core, { method: 'HEAD', path: '/v2/a' });
  assert.equal(head.status, 404);
  assert.equal(head.text, '');
});

const refusals: [path: string, allowed: string, refused: string[]][] = [
  ['/v2/', 'GET, HEAD', ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']],
  ['/v2/_catalog', 'GET, HEAD', ['POST', 'DELETE']],
  ['/v2/a/tags/list', 'GET, HEAD', ['POST', 'DELETE']],
  [`/v2/a/referrers/${digest}`, 'GET, HEAD', ['POST', 'DELETE']],
  [`/v2/a/blobs/${digest}`, 'GET, HEAD, DELETE', ['POST', 'PUT', 'PATCH']],
  ['/v2/a/manifests/latest', 'GET, HEAD, PUT, DELETE', ['POST', 'PATCH']],
  ['/v2/a/blobs/uploads/', 'POST', ['GET', 'PUT', 'PATCH', 'DELETE']],
  [`/v2/a/blobs/uploads/${session}`, 'GET, HEAD, PATCH, PUT, DELETE', ['POST']],
];

for (const [path, allowed, refused] of refusals) {
  test(`a method that ${path.slice(0, 40)} does not have is 405 with Allow`, async () => {
    for (const method of refused) {
      const answer = await request(core, { method, path });
      assert.equal(answer.headers.allow, allowed, method);
      if (method === 'HEAD') assert.equal(answer.status, 405);
      else assertError(answer, 405, 'UNSUPPORTED');
    }
  });
}

const malformed: [path: string, code: string, status?: number][] = [
  ['/v2/UPPER/tags/list', 'NAME_INVALID'],
  ['/v2/a..b/manifests/latest', 'NAME_INVALID'],
  [`/v2/${'a'.repeat(256)}/tags/list`, 'NAME_INVALID'],
  ['/v2/a/manifests/.dot', 'MANIFEST_UNKNOWN', 404],
  [`/v2/a/manifests/${'t'.repeat(129)}`, 'MANIFEST_UNKNOWN', 404],
  ['/v2/a/manifests/sha256:short', 'MANIFEST_UNKNOWN', 404],
  ['/v2/a/blobs/latest', 'BLOB_UNKNOWN', 404],
  [`/v2/a/blobs/md5:${'a'.repeat(32)}`, 'BLOB_UNKNOWN', 404],
  ['/v2/a/referrers/sha256:short', 'DIGEST_INVALID'],
  ['/v2/a/blobs/uploads/..%2f..%2fregistry.db', 'URL_INVALID'],
  ['/v2/a/tags/list?n=-1', 'PAGINATION_NUMBER_INVALID'],
  ['/v2/a/tags/list?n=1&n=2', 'PARAMETER_INVALID'],
];

for (const [path, code, status = 400] of malformed) {
  test(`${path.slice(0, 50)} is ${status} ${code}`, async () => {
    assertError(await request(core, { path }), status, code);
  });
}

test('a target that is too long is 414', async () => {
  assertError(await request(core, { path: `/v2/a/tags/list?last=${'x'.repeat(9000)}` }), 414, 'URL_INVALID');
});

test('a request context that is not one is refused and ends nothing else', async () => {
  const bad = { ...core, headers: { [internalHeaders.context]: 'bm8ganNvbg' } };
  const answer = await request(bad, { path: '/v2/' });
  assertError(answer, 500, 'INTERNAL');
  assert.equal(core.errors.splice(0).length, 1);
  assert.equal((await request(core, { path: '/v2/' })).status, 200);
});
