import assert from 'node:assert/strict';
import test from 'node:test';
import { type Answer, request, type Target } from '../support/http.ts';
import { digestOf, pushBlob } from '../support/push.ts';
import { assertError, readingOnly, rowsOf, startCore, withRows } from './support.ts';
import { finish, getBlob, sha512Of } from './uploading.ts';

function mount(target: Target, repository: string, digest: string, from?: string): Promise<Answer> {
  const source = from === undefined ? '' : `&from=${encodeURIComponent(from)}`;
  const path = `/v2/${repository}/blobs/uploads/?mount=${digest}${source}`;
  return request(target, { method: 'POST', path });
}

test('a mount: 201, the blob is in the other repository, no byte is copied', async (t) => {
  const core = await startCore(t);
  const digest = await pushBlob(core, 'team/source', 'content');
  const answer = await mount(core, 'team/target', digest, 'team/source');
  assert.equal(answer.status, 201);
  assert.equal(answer.headers.location, `/v2/team/target/blobs/${digest}`);
  assert.equal(answer.headers['docker-content-digest'], digest);
  assert.equal((await getBlob(core, 'team/target', digest)).text, 'content');
  assert.equal(rowsOf(core.config, 'SELECT 1 FROM blobs').length, 1);
  assert.equal((await mount(core, 'team/target', digest, 'team/source')).status, 201);
});

test('a mounted blob does not depend on the repository that it came from', async (t) => {
  const core = await startCore(t);
  const digest = await pushBlob(core, 'source', 'content');
  await mount(core, 'target', digest, 'source');
  await request(core, { method: 'DELETE', path: `/v2/source/blobs/${digest}` });
  assert.equal((await getBlob(core, 'target', digest)).text, 'content');
});

test('what cannot be mounted becomes an ordinary upload', async (t) => {
  const core = await startCore(t);
  const digest = await pushBlob(core, 'source', 'content');
  const cases: [digest: string, from: string][] = [
    [digest, 'nowhere'],
    [digest, 'target'],
    [digestOf('never pushed'), 'source'],
    [sha512Of('content'), 'source'],
  ];
  for (const [wanted, from] of cases) {
    const answer = await mount(core, 'target', wanted, from);
    assert.equal(answer.status, 202, `${wanted} from ${from}`);
    assert.match(answer.headers.location!, /^\/v2\/target\/blobs\/uploads\//);
    assertError(await getBlob(core, 'target', wanted), 404, 'BLOB_UNKNOWN');
  }
  const { headers } = await mount(core, 'target', digest, 'nowhere');
  assert.equal((await finish(core, headers.location!, digest, 'content')).status, 201);
});

test('a blob that is being removed, or was found damaged, is not mounted', async (t) => {
  const core = await startCore(t);
  const digest = await pushBlob(core, 'source', 'content');
  for (const state of ['condemned', 'damaged']) {
    withRows(core.config, (database) => database.prepare('UPDATE blobs SET state = ?').run(state));
    assert.equal((await mount(core, 'target', digest, 'source')).status, 202);
    assert.equal((await mount(core, 'target', digest)).status, 202);
  }
});

const patterns: [readable: string[] | undefined, status: number][] = [
  [['**'], 201],
  [['team/**'], 201],
  [['other', 'team/source'], 201],
  [['team/*'], 201],
  [['other/**'], 202],
  [['team'], 202],
  [['team/source/**'], 202],
  [[], 202],
  [undefined, 202],
];

for (const [readable, status] of patterns) {
  test(`a mount without from, by somebody who may read ${JSON.stringify(readable)}: ${status}`, async (t) => {
    const core = await startCore(t);
    const digest = await pushBlob(core, 'team/source', 'content');
    const answer = await mount(readingOnly(core, readable), 'target', digest);
    assert.equal(answer.status, status);
    assert.equal((await getBlob(core, 'target', digest)).status, status === 201 ? 200 : 404);
  });
}

test('of many repositories that have the blob, one that the caller may read is enough', async (t) => {
  const core = await startCore(t);
  let digest = '';
  for (const repository of ['a', 'b', 'c']) digest = await pushBlob(core, repository, 'content');
  assert.equal((await mount(readingOnly(core, ['b']), 'target', digest)).status, 201);
});

test('with from, the gateway has checked that repository: its patterns are not asked again', async (t) => {
  const core = await startCore(t);
  const digest = await pushBlob(core, 'source', 'content');
  assert.equal((await mount(readingOnly(core, undefined), 'target', digest, 'source')).status, 201);
});

test('a malformed mount is 400', async (t) => {
  const core = await startCore(t);
  assertError(await mount(core, 'target', 'sha256:abc', 'source'), 400, 'DIGEST_INVALID');
  assertError(await mount(core, 'target', digestOf('x'), 'UPPER'), 400, 'NAME_INVALID');
});
