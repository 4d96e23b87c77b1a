import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rightNeeded } from '../../gateway/access.ts';
import { parseEndpoint } from '../../oci/endpoints.ts';
import { parseContext } from '../../runtime/request-context.ts';
import { as, request, type Target } from '../support/http.ts';
import { describeBlob, digestOf, OCI_MANIFEST, pushBlob, pushImage, pushManifest } from '../support/push.ts';
import { withToken } from '../support/token.ts';
import { password, startCore, startFakeCore, startGateway } from './support.ts';

const digest = `sha256:${'a'.repeat(64)}`;
const session = '00000000-0000-0000-0000-000000000000';

test('every endpoint needs one right', () => {
  for (const [method, path, action] of [
    ['GET', 'tags/list', 'pull'],
    ['HEAD', 'tags/list', 'pull'],
    ['GET', `referrers/${digest}`, 'pull'],
    ['GET', 'manifests/v1', 'pull'],
    ['HEAD', `manifests/${digest}`, 'pull'],
    ['PUT', 'manifests/v1', 'push'],
    ['DELETE', 'manifests/v1', 'delete'],
    ['GET', `blobs/${digest}`, 'pull'],
    ['HEAD', `blobs/${digest}`, 'pull'],
    ['DELETE', `blobs/${digest}`, 'delete'],
    ['POST', 'blobs/uploads/', 'push'],
    ['GET', `blobs/uploads/${session}`, 'push'],
    ['PATCH', `blobs/uploads/${session}`, 'push'],
    ['PUT', `blobs/uploads/${session}?digest=${digest}`, 'push'],
    ['DELETE', `blobs/uploads/${session}`, 'push'],
  ] as const) {
    const right = rightNeeded(parseEndpoint(method, `/v2/team/x/${path}`)!);
    assert.deepEqual(right, { repository: 'team/x', action }, `${method} ${path}`);
  }
  assert.equal(rightNeeded(parseEndpoint('GET', '/v2/')!), undefined);
  assert.equal(rightNeeded(parseEndpoint('GET', '/v2/_catalog')!), undefined);
});

test('what the core hears of mounts and of what may be read', async (t) => {
  const gateway = await startGateway(t);
  const heard: { url: string; readable: readonly string[] | undefined; actor: string }[] = [];
  await startFakeCore(t, gateway.data, (incoming, response) => {
    const { actor, readable } = parseContext(incoming.headers);
    heard.push({ url: incoming.url!, readable, actor });
    response.writeHead(202, { 'content-length': 0 }).end();
  });
  const alice = as(gateway, 'alice', password);
  const ask = async (path: string, method = 'POST') => {
    assert.equal((await request(alice, { method, path })).status, 202);
    return heard.at(-1)!;
  };
  const start = '/v2/team/x/blobs/uploads/';
  const mount = encodeURIComponent(digest);
  assert.equal(
    (await ask(`${start}?mount=${mount}&from=team/y`)).url,
    `${start}?mount=${mount}&from=${encodeURIComponent('team/y')}`,
  );
  assert.equal((await ask(`${start}?mount=${mount}&from=secret/y`)).url, start);
  assert.equal((await ask(`${start}?from=secret/y`)).url, start);
  const anonymousMount = await ask(`${start}?mount=${mount}`);
  assert.equal(anonymousMount.url, `${start}?mount=${mount}`);
  assert.deepEqual([...anonymousMount.readable!].sort(), ['alice/**', 'team/**']);
  const catalog = await ask('/v2/_catalog?n=5&unknown=x', 'GET');
  assert.equal(catalog.url, '/v2/_catalog?n=5');
  assert.deepEqual([...catalog.readable!].sort(), ['alice/**', 'team/**']);
  const plain = await ask('/v2/team/x/tags/list', 'GET');
  assert.deepEqual(plain, { url: '/v2/team/x/tags/list', readable: undefined, actor: 'alice' });
});

test('a mount from a repository that may not be read becomes an ordinary upload', async (t) => {
  const gateway = await startGateway(t);
  await startCore(t, gateway.data);
  const admin = as(gateway, 'admin', password);
  const alice = as(gateway, 'alice', password);
  const secret = await pushBlob(admin, 'secret/y', 'secret bytes');
  const shared = await pushBlob(admin, 'team/y', 'shared bytes');
  const mount = (from: string, blob: string) =>
    request(alice, { method: 'POST', path: `/v2/team/x/blobs/uploads/?mount=${blob}&from=${from}` });
  assert.equal((await mount('team/y', shared)).status, 201);
  const refused = await mount('secret/y', secret);
  assert.equal(refused.status, 202);
  assert.match(refused.headers.location!, /^\/v2\/team\/x\/blobs\/uploads\//);
  const stolen = await request(alice, { path: `/v2/team/x/blobs/${secret}` });
  assert.equal(stolen.status, 404);
});

test('push, pull, catalog and delete through the gateway, by right', async (t) => {
  const gateway = await startGateway(t);
  await startCore(t, gateway.data);
  const [admin, alice, bob] = ['admin', 'alice', 'bob'].map((user) => as(gateway, user, password));
  const image = await pushImage(alice!, 'team/app', 'v1', { layers: ['one', 'two'] });
  await pushImage(admin!, 'secret/app', 'v1');
  const pulled = await request(bob!, { path: '/v2/team/app/manifests/v1' });
  assert.deepEqual(pulled.body, image.manifest);
  assert.equal(pulled.headers['docker-content-digest'], image.digest);
  assert.deepEqual((await request(bob!, { path: '/v2/_catalog' })).json.repositories, ['team/app']);
  assert.deepEqual((await request(admin!, { path: '/v2/_catalog' })).json.repositories, [
    'secret/app',
    'team/app',
  ]);
  const path = `/v2/team/app/manifests/${image.digest}`;
  assert.equal((await request(bob!, { path, method: 'PUT', body: image.manifest })).status, 403);
  assert.equal((await request(alice!, { path, method: 'DELETE' })).status, 403);
  assert.equal((await request(admin!, { path, method: 'DELETE' })).status, 202);
  assert.equal((await request(bob!, { path })).status, 404);
});

test('errors of the core reach the client as they are', async (t) => {
  const gateway = await startGateway(t);
  await startCore(t, gateway.data);
  const alice = as(gateway, 'alice', password);
  const missing = describeBlob('application/octet-stream', Buffer.from('not pushed'));
  const body = JSON.stringify({ schemaVersion: 2, mediaType: OCI_MANIFEST, config: missing, layers: [] });
  const answer = await request(alice, {
    method: 'PUT',
    path: '/v2/team/x/manifests/v1',
    headers: { 'content-type': OCI_MANIFEST },
    body,
  });
  assert.deepEqual([answer.status, answer.json.errors[0].code], [400, 'MANIFEST_BLOB_UNKNOWN']);
  assert.equal(answer.json.errors[0].detail.digest ?? missing.digest, missing.digest);
  const unknown = await request(alice, { path: `/v2/team/x/blobs/${digestOf('nothing')}` });
  assert.deepEqual([unknown.status, unknown.json.errors[0].code], [404, 'BLOB_UNKNOWN']);
  await assert.rejects(pushManifest(alice, 'team/x', 'v1', { schemaVersion: 1 }));
});

test('a mount without from takes only from what the user may pull; otherwise it is an upload', async (t) => {
  const gateway = await startGateway(t);
  await startCore(t, gateway.data);
  const [admin, alice] = ['admin', 'alice'].map((user) => as(gateway, user, password));
  const hidden = await pushBlob(admin!, 'secret/app', 'hidden');
  const shared = await pushBlob(admin!, 'team/base', 'shared');
  const mount = (digest: string) =>
    request(alice!, { method: 'POST', path: `/v2/team/x/blobs/uploads/?mount=${digest}` });
  assert.equal((await mount(shared)).status, 201);
  assert.equal((await request(alice!, { path: `/v2/team/x/blobs/${shared}` })).text, 'shared');
  const answer = await mount(hidden);
  assert.equal(answer.status, 202);
  assert.match(answer.headers.location!, /^\/v2\/team\/x\/blobs\/uploads\//);
  assert.equal((await request(alice!, { path: `/v2/team/x/blobs/${hidden}` })).status, 404);
  assert.equal((await mount(digestOf('never pushed'))).status, 202);
});

test('a token that was not asked for where a mount comes from is refused; the one of the challenge mounts', async (t) => {
  const gateway = await startGateway(t);
  await startCore(t, gateway.data);
  const [admin, alice] = ['admin', 'alice'].map((user) => as(gateway, user, password));
  const shared = await pushBlob(admin!, 'team/base', 'shared');
  const hidden = await pushBlob(admin!, 'secret/app', 'hidden');
  const narrow = await withToken(alice!, 'repository:team/x:pull,push');
  const mount = (target: Target, query: string) =>
    request(target, { method: 'POST', path: `/v2/team/x/blobs/uploads/?mount=${query}` });
  for (const query of [`${shared}&from=team/base`, shared]) {
    const refused = await mount(narrow, query);
    assert.deepEqual([refused.status, refused.json.errors[0].code], [401, 'UNAUTHORIZED'], query);
    const challenge = refused.headers['www-authenticate']!;
    assert.match(challenge, /error="insufficient_scope"/);
    const wider = await withToken(alice!, /scope="([^"]+)"/.exec(challenge)![1]!);
    assert.equal((await mount(wider, query)).status, 201, query);
    // What the account may not read, no token of its own reads: no challenge, and no word about it.
    assert.equal((await mount(wider, hidden)).status, 202, query);
  }
  assert.equal((await mount(narrow, `${hidden}&from=secret/app`)).status, 202);
});
