import assert from 'node:assert/strict';
import { test } from 'node:test';
import { maxTargetLength, parseEndpoint, splitTarget } from '../../oci/endpoints.ts';
import { OciError } from '../../oci/errors.ts';

const digest = `sha256:${'a'.repeat(64)}`;
const session = '01234567-89ab-cdef-0123-456789abcdef';
const uploads = '/v2/a/blobs/uploads/';

/** [method, target, code] */
const refused: readonly [string, string, string][] = [
  ['GET', '/v2/..', 'NOT_FOUND'],
  ['GET', '/v2/../tags/list', 'NAME_INVALID'],
  ['GET', '/v2/a/../b/tags/list', 'NAME_INVALID'],
  ['GET', '/v2/a/%2e%2e/b/tags/list', 'NAME_INVALID'],
  ['GET', '/v2/a%2Fb/tags/list', 'URL_INVALID'],
  ['GET', '/v2/a%2fblobs%2fuploads/manifests/x', 'URL_INVALID'],
  ['GET', '/v2/a%2f..%2fb/tags/list', 'URL_INVALID'],
  ['GET', '/v2/a%252fb/tags/list', 'NAME_INVALID'],
  ['GET', '/v2/a%00b/tags/list', 'NAME_INVALID'],
  ['GET', '/v2/a%5cb/tags/list', 'NAME_INVALID'],
  ['GET', '/v2/a%0a/tags/list', 'NAME_INVALID'],
  ['GET', '/v2//tags/list', 'NAME_INVALID'],
  ['GET', '/v2/a//b/tags/list', 'NAME_INVALID'],
  ['GET', '/v2/a/tags//list', 'NOT_FOUND'],
  ['GET', '/v2//', 'NOT_FOUND'],
  ['GET', '/v2//_catalog', 'NOT_FOUND'],
  ['GET', '/v2/_catalog/', 'NOT_FOUND'],
  ['GET', '/v2/_catalog/tags/list', 'NAME_INVALID'],
  ['GET', '/v2/Team/tags/list', 'NAME_INVALID'],
  ['GET', `/v2/${'a'.repeat(256)}/tags/list`, 'NAME_INVALID'],
  ['GET', '/v2/a/tags/list/', 'NOT_FOUND'],
  ['GET', '/v2/a/tags/other', 'NOT_FOUND'],
  ['GET', '/v2/tags/list', 'NOT_FOUND'],
  ['GET', '/v2/manifests/latest', 'NOT_FOUND'],
  ['POST', '/v2/blobs/uploads/', 'NOT_FOUND'],
  ['POST', '/v2/a%2fblobs/uploads/', 'URL_INVALID'],
  ['POST', '/v2/a/blobs%2fuploads/', 'URL_INVALID'],
  ['GET', '/v2/a', 'NOT_FOUND'],
  ['GET', '/v2/a/manifests', 'NOT_FOUND'],
  ['GET', '/v2/a/manifests/', 'MANIFEST_UNKNOWN'],
  ['GET', '/v2/a/manifests/.x', 'MANIFEST_UNKNOWN'],
  ['PUT', '/v2/a/manifests/', 'TAG_INVALID'],
  ['PUT', '/v2/a/manifests/.x', 'TAG_INVALID'],
  ['DELETE', '/v2/a/manifests/.x', 'TAG_INVALID'],
  ['GET', '/v2/a/manifests/b%2fc', 'URL_INVALID'],
  ['HEAD', `/v2/a/manifests/${'t'.repeat(129)}`, 'MANIFEST_UNKNOWN'],
  ['PUT', `/v2/a/manifests/${'t'.repeat(129)}`, 'TAG_INVALID'],
  ['GET', '/v2/a/manifests/sha256:x', 'MANIFEST_UNKNOWN'],
  ['PUT', '/v2/a/manifests/sha256:x', 'DIGEST_INVALID'],
  ['PUT', `/v2/a/manifests/${digest}?tag=a&tag=-b`, 'TAG_INVALID'],
  ['GET', '/v2/a/blobs/latest', 'BLOB_UNKNOWN'],
  ['DELETE', '/v2/a/blobs/latest', 'DIGEST_INVALID'],
  ['GET', `/v2/a/blobs/${digest.toUpperCase()}`, 'BLOB_UNKNOWN'],
  ['HEAD', '/v2/a/blobs/md5:d41d8cd98f00b204e9800998ecf8427e', 'BLOB_UNKNOWN'],
  ['DELETE', '/v2/a/blobs/md5:d41d8cd98f00b204e9800998ecf8427e', 'DIGEST_INVALID'],
  ['GET', `/v2/a/blobs/sha256%253A${'a'.repeat(64)}`, 'BLOB_UNKNOWN'],
  ['GET', '/v2/a/referrers/latest', 'DIGEST_INVALID'],
  ['GET', `${uploads}1`, 'BLOB_UPLOAD_UNKNOWN'],
  ['PATCH', `${uploads}${session.toUpperCase()}`, 'BLOB_UPLOAD_UNKNOWN'],
  ['PATCH', `${uploads}..%2f..%2fregistry.db`, 'URL_INVALID'],
  ['PUT', `${uploads}${session}%00`, 'BLOB_UPLOAD_UNKNOWN'],
  ['PUT', `${uploads}${session}/`, 'NOT_FOUND'],
  ['GET', '/v2/a/blobs/uploads/blobs', 'BLOB_UPLOAD_UNKNOWN'],
  ['PUT', `${uploads}${session}?digest=no`, 'DIGEST_INVALID'],
  ['POST', `${uploads}?digest-algorithm=md5`, 'DIGEST_INVALID'],
  ['POST', `${uploads}?mount=${digest}&from=../b`, 'NAME_INVALID'],
  ['GET', '/v2/%', 'URL_INVALID'],
  ['GET', '/v2/%zz/tags/list', 'URL_INVALID'],
  ['GET', '/v2/%c0%af/tags/list', 'URL_INVALID'],
  ['GET', '/v2/%ff/tags/list', 'URL_INVALID'],
  ...['-1', '', '1.5', '1e3', '0x10', ' 1', '٣', `${'9'.repeat(31)}x`].map((n): [string, string, string] => [
    'GET',
    `/v2/a/tags/list?n=${encodeURIComponent(n)}`,
    'PAGINATION_NUMBER_INVALID',
  ]),
  ['GET', `/v2/a/tags/list?last=${'x'.repeat(256)}`, 'PARAMETER_INVALID'],
  ['GET', `/v2/a/referrers/${digest}?artifactType=${'x'.repeat(256)}`, 'PARAMETER_INVALID'],
];

for (const [method, target, code] of refused) {
  test(`${method} ${target.slice(0, 100)} is ${code}`, () => {
    assert.throws(() => parseEndpoint(method, target), { name: 'OciError', code });
  });
}

/** A parameter that takes one value and comes twice, even with the same value, in any spelling of its name. */
for (const [method, target] of [
  ['GET', '/v2/a/tags/list?n=1&n=1'],
  ['GET', '/v2/_catalog?last=a&n=1&last=a'],
  ['GET', '/v1/search?q=a&q=a'],
  ['GET', '/v2/a/tags/list?n=1&%6e=2'],
  ['POST', `${uploads}?digest=${digest}&digest=${digest}`],
  ['POST', `${uploads}?mount=${digest}&mount=${digest}`],
  ['POST', `${uploads}?mount=${digest}&from=a&from=b`],
  ['POST', `${uploads}?digest-algorithm=sha256&digest-algorithm=sha512`],
  ['PUT', `${uploads}${session}?digest=${digest}&digest=${digest}`],
  ['GET', `/v2/a/referrers/${digest}?artifactType=a&artifactType=`],
] as const) {
  test(`doubled: ${method} ${target.slice(0, 60)}`, () => {
    assert.throws(() => parseEndpoint(method, target), { code: 'PARAMETER_INVALID', status: 400 });
  });
}

for (const [target, allowed] of [
  ['/v2/', 'GET, HEAD'],
  ['/v2/_catalog', 'GET, HEAD'],
  ['/v1/search', 'GET, HEAD'],
  ['/v2/a/tags/list', 'GET, HEAD'],
  [`/v2/a/referrers/${digest}`, 'GET, HEAD'],
  ['/v2/a/manifests/x', 'GET, HEAD, PUT, DELETE'],
  [`/v2/a/blobs/${digest}`, 'GET, HEAD, DELETE'],
  [uploads, 'POST'],
  [`${uploads}${session}`, 'GET, HEAD, PATCH, PUT, DELETE'],
] as const) {
  test(`the methods of ${target.slice(0, 30)} are ${allowed}`, () => {
    const methods = [
      'GET',
      'HEAD',
      'POST',
      'PUT',
      'PATCH',
      'DELETE',
      'OPTIONS',
      'TRACE',
      'CONNECT',
      'get',
      '',
    ];
    for (const method of methods.filter((name) => !allowed.split(', ').includes(name))) {
      const error = { code: 'UNSUPPORTED', status: 405, headers: { Allow: allowed } };
      assert.throws(() => parseEndpoint(method, target), error);
    }
  });
}

test('what is not below /v2/ is somebody else’s', () => {
  for (const target of ['/', '/v2x', '/v1/', '//v2/', '/V2/', '/%762/', '/token?service=x', '/v2;a/b']) {
    assert.equal(parseEndpoint('GET', target), undefined, target);
  }
});

test('a target is an absolute path in ASCII', () => {
  for (const target of [
    '',
    '*',
    'v2/',
    'http://host/v2/',
    '/v2/a b',
    '/v2/ä',
    '/v2/\t',
    '/v2/\u007f',
    '/v2/a\\b',
    '/v2/#x',
    '/v2/\ud800',
  ]) {
    assert.throws(() => splitTarget(target), { code: 'URL_INVALID', status: 400 }, target);
  }
  assert.deepEqual(splitTarget('/a?b?c=/d'), { path: '/a', query: 'b?c=/d' });
});

test('too long a target and too many tags are 414', () => {
  const tooLong = `/v2/${'a'.repeat(maxTargetLength - 3)}`;
  assert.throws(() => parseEndpoint('GET', tooLong), { code: 'URL_INVALID', status: 414 });
  const tags = (count: number) => Array.from({ length: count }, (_, i) => `tag=${i}`).join('&');
  assert.throws(() => parseEndpoint('PUT', `/v2/a/manifests/x?${tags(51)}`), {
    code: 'URL_INVALID',
    status: 414,
  });
  const parsed = parseEndpoint('PUT', `/v2/a/manifests/x?${tags(50)}`);
  assert.equal(parsed?.kind === 'manifest' && parsed.tags.length, 50);
});

test('an error does not hand a long input back', () => {
  for (const target of [
    `/v2/${'x/'.repeat(4000)}`,
    `${uploads}${'x'.repeat(8000)}`,
    `/v2/a/manifests/${'x'.repeat(8000)}`,
  ]) {
    assert.throws(
      () => parseEndpoint('GET', target),
      (error) => error instanceof OciError && error.toBody().length < 1000,
    );
  }
});
