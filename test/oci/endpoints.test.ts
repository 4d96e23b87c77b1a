import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatEndpoint, parseEndpoint } from '../../oci/endpoints.ts';

const hex = 'a'.repeat(64);
const digest = `sha256:${hex}`;
const long = `sha512:${'b'.repeat(128)}`;
const session = '01234567-89ab-cdef-0123-456789abcdef';
const repository = 'team/app';

/** [method, target, what it is, the canonical target when it is another one] */
const understood: readonly [string, string, object, string?][] = [
  ['GET', '/v2/', { kind: 'base' }],
  ['HEAD', '/v2/', { kind: 'base' }],
  ['GET', '/v2', { kind: 'base' }, '/v2/'],
  ['GET', '/v2/?whatever=1', { kind: 'base' }, '/v2/'],
  ['GET', '/v2/_catalog', { kind: 'catalog' }],
  ['HEAD', '/v2/_catalog?n=10&last=a%2Fb', { kind: 'catalog', n: 10, last: 'a/b' }],
  [
    'GET',
    '/v2/_catalog?last=a/b&n=010',
    { kind: 'catalog', n: 10, last: 'a/b' },
    '/v2/_catalog?n=10&last=a%2Fb',
  ],
  ['GET', '/v1/search?q=Team%2FA&n=5', { kind: 'search', text: 'team/a', n: 5 }, '/v1/search?q=team%2Fa&n=5'],
  ['HEAD', '/v1/search?x=1', { kind: 'search', text: '' }, '/v1/search?q='],
  ['GET', '/v2/team/app/tags/list', { kind: 'tags', repository }],
  ['GET', '/v2/team/app/tags/list?n=0', { kind: 'tags', repository, n: 0 }],
  ['HEAD', '/v2/team/app/tags/list?last=', { kind: 'tags', repository, last: '' }],
  [
    'GET',
    `/v2/team/app/tags/list?n=${'9'.repeat(30)}`,
    { kind: 'tags', repository, n: 1_000_000 },
    '/v2/team/app/tags/list?n=1000000',
  ],
  ['GET', `/v2/team/app/referrers/${digest}`, { kind: 'referrers', repository, digest }],
  [
    'HEAD',
    `/v2/team/app/referrers/${digest}?artifactType=application%2Fx%2By&n=5&last=${encodeURIComponent(digest)}`,
    { kind: 'referrers', repository, digest, artifactType: 'application/x+y', n: 5, last: digest },
  ],
  [
    'GET',
    '/v2/team/app/manifests/1.0',
    { kind: 'manifest', repository, reference: { tag: '1.0' }, tags: [] },
  ],
  [
    'HEAD',
    `/v2/team/app/manifests/${long}`,
    { kind: 'manifest', repository, reference: { digest: long }, tags: [] },
  ],
  [
    'GET',
    `/v2/team/app/manifests/sha256%3A${hex}`,
    { kind: 'manifest', repository, reference: { digest }, tags: [] },
    `/v2/team/app/manifests/${digest}`,
  ],
  [
    'PUT',
    `/v2/team/app/manifests/${digest}?tag=a&tag=b&tag=a`,
    { kind: 'manifest', repository, reference: { digest }, tags: ['a', 'b'] },
    `/v2/team/app/manifests/${digest}?tag=a&tag=b`,
  ],
  ['DELETE', '/v2/team/app/manifests/x', { kind: 'manifest', repository, reference: { tag: 'x' }, tags: [] }],
  ['GET', `/v2/team/app/blobs/${digest}`, { kind: 'blob', repository, digest }],
  ['HEAD', `/v2/team/app/blobs/${long}`, { kind: 'blob', repository, digest: long }],
  [
    'DELETE',
    `/v2/team/app/blobs/${digest}?n=1&n=2`,
    { kind: 'blob', repository, digest },
    `/v2/team/app/blobs/${digest}`,
  ],
  ['POST', '/v2/team/app/blobs/uploads/', { kind: 'uploads', repository }],
  ['POST', '/v2/team/app/blobs/uploads', { kind: 'uploads', repository }, '/v2/team/app/blobs/uploads/'],
  [
    'POST',
    `/v2/team/app/blobs/uploads/?digest=${digest}`,
    { kind: 'uploads', repository, digest },
    `/v2/team/app/blobs/uploads/?digest=sha256%3A${hex}`,
  ],
  [
    'POST',
    '/v2/team/app/blobs/uploads/?digest-algorithm=sha512',
    { kind: 'uploads', repository, digestAlgorithm: 'sha512' },
  ],
  [
    'POST',
    `/v2/team/app/blobs/uploads/?mount=sha256%3A${hex}&from=other%2Fapp`,
    { kind: 'uploads', repository, mount: digest, from: 'other/app' },
  ],
  [
    'POST',
    `/v2/team/app/blobs/uploads/?mount=${digest}&from=`,
    { kind: 'uploads', repository, mount: digest },
    `/v2/team/app/blobs/uploads/?mount=sha256%3A${hex}`,
  ],
  ...(['GET', 'HEAD', 'PATCH', 'DELETE'] as const).map((method): [string, string, object] => [
    method,
    `/v2/team/app/blobs/uploads/${session}`,
    { kind: 'upload', repository, session },
  ]),
  [
    'PUT',
    `/v2/team/app/blobs/uploads/${session}?digest=sha256%3A${hex}`,
    { kind: 'upload', repository, session, digest },
  ],
];

for (const [method, target, endpoint, canonical = target] of understood) {
  test(`${method} ${target.replaceAll(/([ab9])\1{20,}/g, '$1…')}`, () => {
    const parsed = parseEndpoint(method, target)!;
    assert.deepEqual(parsed, { ...endpoint, method });
    assert.equal(formatEndpoint(parsed), canonical);
    assert.deepEqual(parseEndpoint(method, canonical), parsed);
  });
}

/** Names made of the words of the paths: the last part decides what it is, the rest is the name. */
const ambiguous: readonly [string, string, string, string][] = [
  ['GET', '/v2/a/manifests/tags/list', 'tags', 'a/manifests'],
  ['GET', '/v2/a/tags/list/tags/list', 'tags', 'a/tags/list'],
  ['GET', '/v2/a/tags/list/manifests/x', 'manifest', 'a/tags/list'],
  ['GET', '/v2/a/tags/manifests/list', 'manifest', 'a/tags'],
  ['GET', '/v2/a/blobs/manifests/uploads', 'manifest', 'a/blobs'],
  ['GET', '/v2/a/blobs/uploads/manifests/x', 'manifest', 'a/blobs/uploads'],
  ['GET', '/v2/manifests/manifests/manifests', 'manifest', 'manifests'],
  ['GET', '/v2/tags/tags/list', 'tags', 'tags'],
  ['GET', `/v2/a/manifests/blobs/${digest}`, 'blob', 'a/manifests'],
  ['GET', `/v2/a/referrers/referrers/${digest}`, 'referrers', 'a/referrers'],
  ['POST', '/v2/a/blobs/uploads/', 'uploads', 'a'],
  ['POST', '/v2/a/blobs/uploads/blobs/uploads/', 'uploads', 'a/blobs/uploads'],
  ['POST', '/v2/a/blobs/blobs/uploads', 'uploads', 'a/blobs'],
  ['POST', '/v2/blobs/uploads/blobs/uploads', 'uploads', 'blobs/uploads'],
  ['PUT', `/v2/a/blobs/uploads/blobs/uploads/${session}`, 'upload', 'a/blobs/uploads'],
  ['GET', '/v2/%61/%74ags/%6cist', 'tags', 'a'],
];

for (const [method, target, kind, name] of ambiguous) {
  test(`${method} ${target.replaceAll(hex, 'a…')} is a ${kind} of ${name}`, () => {
    const parsed = parseEndpoint(method, target)!;
    assert.deepEqual([parsed.kind, 'repository' in parsed && parsed.repository], [kind, name]);
    assert.deepEqual(parseEndpoint(method, formatEndpoint(parsed)), parsed);
  });
}
