import assert from 'node:assert/strict';
import { test } from 'node:test';
import { blankSecrets } from '../../runtime/secrets.ts';

const token = `${btoa('{"alg":"ES256"}')}.${btoa('{"sub":"alice"}').replaceAll('=', '')}.c2lnbmF0dXJl`;

test('tokens and Authorization headers are blanked wherever they stand', () => {
  for (const [given, expected] of [
    [`/v2/${token}/tags/list`, '/v2/[token]/tags/list'],
    [`/v2/a/manifests/${token.slice(0, 40)}`, '/v2/a/manifests/[token]'],
    [`{"path":"/${token}","name":"a"}`, '{"path":"/[token]","name":"a"}'],
    [`got Bearer ${token}`, 'got Bearer [token]'],
    ['Authorization: Basic YWRtaW46c2VjcmV0', 'Authorization: Basic [secret]'],
    ['/v2/Basic%20YWRtaW46c2VjcmV0?n', '/v2/Basic%20[secret]?n'],
    ['bearer opaque.token-1', 'bearer [secret]'],
  ] as const) {
    assert.equal(blankSecrets(given), expected);
  }
});

test('everything else stays', () => {
  for (const text of [
    '',
    '/v2/team/app/blobs/uploads/',
    `sha256:${'a'.repeat(64)}`,
    'want "Basic" with base64 of name:password, or "Bearer" with a token',
    'Basic credentials are not base64',
    'Basic realm="Gatehouse"',
    '/v2/basic/tags/list',
    '/v2/team/basic-image/manifests/v1',
    '/v2/eyj/manifests/eyJa',
  ]) {
    assert.equal(blankSecrets(text), text);
  }
});
