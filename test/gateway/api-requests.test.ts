import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { before, test } from 'node:test';
import { apiDocument } from '../../gateway/api/document.ts';
import { documentPath, operations } from '../../gateway/api/operations.ts';
import { as, request } from '../support/http.ts';
import { fileScope } from '../support/scope.ts';
import { password, startGateway, type TestGateway } from './support.ts';

let gateway: TestGateway;
let admin: TestGateway;
before(async () => {
  gateway = await startGateway(fileScope);
  admin = as(gateway, 'admin', password);
});

test('the document is served to everybody, is that of docs/openapi.json, and has every operation', async () => {
  const { status, json } = await request(gateway, { path: documentPath });
  assert.equal(status, 200);
  const copy = JSON.parse(readFileSync(new URL('../../docs/openapi.json', import.meta.url), 'utf8'));
  assert.deepEqual(json, copy, `docs/openapi.json is to be what ${documentPath} answers`);
  const described = Object.entries(apiDocument().paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );
  assert.deepEqual(described.sort(), operations.map(({ method, path }) => `${method} ${path}`).sort());
  const ids = Object.values(json.paths).flatMap((methods) =>
    Object.values(methods as Record<string, { operationId: string }>).map(({ operationId }) => operationId),
  );
  assert.equal(new Set(ids).size, ids.length, 'operationId');
});

const user = JSON.stringify({ name: 'eve', password });

const refused: [
  what: string,
  method: string,
  path: string,
  status: number,
  headers?: object,
  body?: string,
][] = [
  ['a path that is none', 'GET', '/api/v1/nothing', 404],
  ['a path with something after it', 'GET', '/api/v1/me/', 404],
  ['an encoded slash', 'GET', '/api/v1%2fme', 400],
  ['a method that is none there', 'PUT', '/api/v1/me', 405],
  ['a form, which any page can send', 'POST', '/api/v1/users', 415, { 'content-type': 'text/plain' }, user],
  ['no content type', 'POST', '/api/v1/users', 415, {}, user],
  ['no body', 'POST', '/api/v1/users', 400, { 'content-type': 'application/json' }, ''],
  ['no JSON', 'POST', '/api/v1/users', 400, { 'content-type': 'application/json' }, '{"name":'],
  ['a list', 'POST', '/api/v1/users', 400, { 'content-type': 'application/json' }, '[]'],
  [
    'a member that is unknown',
    'POST',
    '/api/v1/users',
    400,
    { 'content-type': 'application/json' },
    '{"name":"eve","password":"x","root":true}',
  ],
  [
    'a member of another type',
    'POST',
    '/api/v1/users',
    400,
    { 'content-type': 'application/json' },
    '{"name":["eve"],"password":"x"}',
  ],
  [
    '__proto__',
    'POST',
    '/api/v1/users',
    400,
    { 'content-type': 'application/json' },
    `{"__proto__":{"name":"eve"},"password":"x"}`,
  ],
  [
    'too much',
    'POST',
    '/api/v1/users',
    413,
    { 'content-type': 'application/json' },
    `"${'x'.repeat(70_000)}"`,
  ],
  [
    'compressed',
    'POST',
    '/api/v1/users',
    415,
    { 'content-type': 'application/json', 'content-encoding': 'gzip' },
    user,
  ],
  ['a parameter twice', 'GET', '/api/v1/can?action=pull&action=push&repository=a', 400],
  ['a parameter that is missing', 'GET', '/api/v1/can?action=pull', 400],
  ['an action that is none', 'GET', '/api/v1/can?action=eat&repository=a', 400],
  ['a limit that is none', 'GET', '/api/v1/audit?limit=0', 400],
];

for (const [what, method, path, status, headers = {}, body] of refused) {
  test(`${what} is ${status}, in the form of every error`, async () => {
    const answer = await request(admin, {
      method,
      path,
      headers: headers as Record<string, string>,
      ...(body !== undefined && { body }),
    });
    assert.equal(answer.status, status, answer.text);
    assert.ok(answer.json.errors[0].message);
    assert.doesNotMatch(answer.text, new RegExp(password));
    assert.ok(!(await gateway.admin.listUsers()).some(({ name }) => name === 'eve'));
  });
}

test('OPTIONS says the methods, and lets no page of another site in', async () => {
  const answer = await request(gateway, {
    method: 'OPTIONS',
    path: '/api/v1/me/tokens',
    headers: { origin: 'https://evil.example', 'access-control-request-method': 'POST' },
  });
  assert.equal(answer.headers.allow, 'GET, POST, OPTIONS');
  assert.equal(answer.headers['access-control-allow-origin'], undefined);
});

test('no answer with content of somebody is kept by a cache, and none sets a cookie', async () => {
  const answer = await request(admin, { path: '/api/v1/users' });
  assert.equal(answer.headers['cache-control'], 'no-store');
  assert.equal(answer.headers['set-cookie'], undefined);
});
