import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { as, request } from '../support/http.ts';
import { pushImage } from '../support/push.ts';
import { fileScope } from '../support/scope.ts';
import { password, startCore, startGateway, type TestGateway } from './support.ts';

let gateway: TestGateway;
before(async () => {
  gateway = await startGateway(fileScope);
  await startCore(fileScope, gateway.data);
  const admin = as(gateway, 'admin', password);
  for (const name of ['team/app', 'secret/app', 'alice/app']) await pushImage(admin, name, 'v1');
});

async function names(target: TestGateway): Promise<string[]> {
  const { status, json } = await request(target, { path: '/v1/search?q=app' });
  assert.equal(status, 200);
  return json.results.map(({ name }: { name: string }) => name);
}

async function tokenFor(scope: string): Promise<TestGateway> {
  const { json } = await request(as(gateway, 'alice', password), { path: `/token?scope=${scope}` });
  return { ...gateway, headers: { authorization: `Bearer ${json.token}` } };
}

test('a search shows what the caller may pull, and nothing else', async () => {
  assert.deepEqual(await names(as(gateway, 'admin', password)), ['alice/app', 'secret/app', 'team/app']);
  assert.deepEqual(await names(as(gateway, 'alice', password)), ['alice/app', 'team/app']);
  assert.deepEqual(await names(as(gateway, 'bob', password)), ['team/app']);
});

test('anonymous may search when there is something to pull', async () => {
  const refused = await request(gateway, { path: '/v1/search?q=app' });
  assert.equal(refused.status, 401);
  assert.match(refused.headers['www-authenticate']!, /scope="registry:catalog:search"/);
  await gateway.admin.grant('anonymous', 'team/*', ['pull']);
  assert.deepEqual(await names(gateway), ['team/app']);
  // What docker sends of somebody who is not logged in; nowhere else does it stand for nobody.
  const empty = as(gateway, '', '');
  assert.deepEqual(await names(empty), ['team/app']);
  assert.equal((await request(empty, { path: '/v2/_catalog' })).status, 401);
  await gateway.admin.revoke('anonymous', 'team/*');
});

test('a token for the search, or the catalog, and no other; one for the search lists no catalog', async () => {
  const search = await tokenFor('registry:catalog:search');
  assert.deepEqual(await names(search), ['alice/app', 'team/app']);
  assert.equal((await request(search, { path: '/v2/_catalog' })).status, 401);
  assert.deepEqual(await names(await tokenFor('registry:catalog:*')), ['alice/app', 'team/app']);
  const other = await tokenFor('repository:team/app:pull');
  assert.equal((await request(other, { path: '/v1/search?q=app' })).status, 401);
});

test('where docker looks first', async () => {
  const answer = await request(gateway, { path: '/v1/_ping' });
  assert.deepEqual(
    [answer.status, answer.headers['x-docker-registry-standalone'], answer.json],
    [200, 'true', { standalone: true }],
  );
});
