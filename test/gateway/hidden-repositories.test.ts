import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { parseRights } from '../../runtime/repository-rights.ts';
import { as, type RequestOptions, request } from '../support/http.ts';
import { digestOf, pushImage } from '../support/push.ts';
import { fileScope } from '../support/scope.ts';
import { password, startCore, startGateway, type TestGateway } from './support.ts';

/** One that is there, and one that is not; both names are of the same length. */
const [hidden, absent] = ['hidden/app', 'hidden/zzz'];

let gateway: TestGateway;
let image: Awaited<ReturnType<typeof pushImage>>;
let session: string;
const strangers = new Map<string, TestGateway>();

before(async () => {
  gateway = await startGateway(fileScope, { 'auth.token_lifetime': '1h' });
  await startCore(fileScope, gateway.data);
  const admin = as(gateway, 'admin', password);
  image = await pushImage(admin, hidden, 'v1', { layers: ['a layer that is nowhere else'] });
  await pushImage(admin, 'public/app', 'v1');
  await pushImage(admin, 'alice/app', 'v1');
  const started = await request(admin, { method: 'POST', path: `/v2/${hidden}/blobs/uploads/` });
  session = started.headers.location!.replace(/^.*\/uploads\//, '');
  await gateway.admin.grant('anonymous', 'public/**', ['pull']);
  await gateway.admin.grant('alice', 'hidden/**', ['pull', 'push', 'delete']);
  await gateway.admin.createTeam('dev');
  await gateway.admin.grant('team:dev', 'hidden/**', ['pull']);
  const robot = await gateway.admin.addRobot('ci', {
    rights: parseRights('public/**=pull'),
    expiresAt: null,
  });
  const limited = await gateway.admin.createToken('alice', 'limited', {
    rights: parseRights('alice/**=pull,push,delete'),
    expiresAt: null,
  });
  const token = async (of: TestGateway) => {
    const { json } = await request(of, {
      path: `/token?scope=repository:${hidden}:*&scope=registry:catalog:*`,
    });
    return { ...gateway, headers: { authorization: `Bearer ${json.token}` } };
  };
  const bob = as(gateway, 'bob', password);
  strangers.set('nobody', gateway);
  strangers.set('a user', bob);
  strangers.set('a robot', as(gateway, 'robot+ci', robot.secret));
  strangers.set('a limited personal token of somebody who may', as(gateway, 'alice', limited.secret));
  for (const [who, target] of [...strangers])
    strangers.set(`${who}, with a Bearer token`, await token(target));
});

/** Every way to ask about a repository. */
function questions(repository: string): RequestOptions[] {
  const { config, manifest } = { config: image.config.digest, manifest: image.digest };
  const base = `/v2/${repository}`;
  const paths = [
    ...['v1', 'v2', manifest].map((reference) => `${base}/manifests/${reference}`),
    `${base}/blobs/${config}`,
    `${base}/tags/list`,
    `${base}/tags/list?n=1&last=a`,
    `${base}/referrers/${manifest}`,
    `${base}/blobs/uploads/${session}`,
  ];
  const reads = paths.flatMap((path) => ['GET', 'HEAD'].map((method) => ({ method, path })));
  const put = { 'content-type': 'application/vnd.oci.image.manifest.v1+json' };
  return [
    ...reads,
    { method: 'GET', path: `${base}/blobs/${config}`, headers: { range: 'bytes=0-0' } },
    { method: 'GET', path: `${base}/manifests/v1`, headers: { 'if-none-match': `"${manifest}"` } },
    { method: 'PUT', path: `${base}/manifests/v2`, body: '{}', headers: put },
    { method: 'DELETE', path: `${base}/manifests/v1` },
    { method: 'DELETE', path: `${base}/manifests/${manifest}` },
    { method: 'DELETE', path: `${base}/blobs/${config}` },
    { method: 'POST', path: `${base}/blobs/uploads/` },
    { method: 'POST', path: `${base}/blobs/uploads/?mount=${config}&from=public/app` },
    { method: 'PATCH', path: `${base}/blobs/uploads/${session}`, body: 'x' },
    { method: 'PUT', path: `${base}/blobs/uploads/${session}?digest=${digestOf('x')}`, body: 'x' },
    { method: 'DELETE', path: `${base}/blobs/uploads/${session}` },
    { method: 'GET', path: `/token?scope=repository:${repository}:pull,push,delete` },
    { method: 'POST', path: `/v2/alice/app/blobs/uploads/?mount=${config}&from=${repository}` },
  ];
}

/** All of an answer that could tell something, without what differs each time. */
async function told(target: TestGateway, question: RequestOptions) {
  const { status, headers, text } = await request(target, question);
  const changing = ['date', 'x-request-id', 'location', 'docker-upload-uuid', 'range'];
  const kept = Object.entries(headers).filter(([name]) => !changing.includes(name));
  const blank = (of: string) =>
    of
      .replaceAll(hidden, 'REPOSITORY')
      .replaceAll(absent, 'REPOSITORY')
      .replace(/"issued_at":"[^"]*"/, '');
  // A token is signed anew each time; how long it is says how much is in it.
  const body = /"token":"/.test(text) ? JSON.stringify(JSON.parse(text).scope ?? null) : text;
  return { status, headers: blank(JSON.stringify(kept)), body: blank(body) };
}

test('a repository that somebody may not see answers as one that does not exist', async () => {
  for (const [who, target] of strangers) {
    const pairs = questions(hidden).map((question, index) => [question, questions(absent)[index]!] as const);
    for (const [about, otherwise] of pairs) {
      const what = `${who}: ${about.method} ${about.path}`;
      const answer = await told(target, about);
      assert.deepEqual(answer, await told(target, otherwise), what);
      assert.doesNotMatch(answer.body, /v1|sha256:/, what);
      if (!about.path!.startsWith('/token') && !about.path!.includes('from=hidden')) {
        assert.ok(answer.status === 401 || answer.status === 403, `${what}: ${answer.status}`);
      }
    }
  }
});

test('nothing lists it: neither catalog nor search, by no page', async () => {
  for (const [who, target] of strangers) {
    for (const path of [
      '/v2/_catalog',
      '/v2/_catalog?n=1&last=hidden/a',
      '/v1/search?q=hidden',
      '/v1/search?q=app&n=100',
    ]) {
      const { text } = await request(target, { path });
      assert.doesNotMatch(text, /hidden\//, `${who}: ${path}`);
    }
  }
});

test('a mount finds nothing in it, whether or not it is named', async () => {
  const limited = strangers.get('a limited personal token of somebody who may')!;
  const mount = `/v2/alice/new/blobs/uploads/?mount=${image.config.digest}`;
  for (const path of [`${mount}&from=${hidden}`, mount]) {
    assert.equal((await request(limited, { method: 'POST', path })).status, 202, path);
  }
  const may = as(gateway, 'alice', password);
  assert.equal((await request(may, { method: 'POST', path: `${mount}&from=${hidden}` })).status, 201);
});

test('who may see it, sees it: the test above would notice', async () => {
  const may = as(gateway, 'alice', password);
  const [question, otherwise] = [questions(hidden)[0]!, questions(absent)[0]!];
  assert.notDeepEqual(await told(may, question), await told(may, otherwise));
  assert.match((await request(may, { path: '/v2/_catalog' })).text, /hidden\/app/);
});
