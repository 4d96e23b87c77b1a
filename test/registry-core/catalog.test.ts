import assert from 'node:assert/strict';
import test, { before } from 'node:test';
import { request, type Target } from '../support/http.ts';
import { digestOf, pushBlob } from '../support/push.ts';
import { fileScope } from '../support/scope.ts';
import { artifact, deleteManifest, putManifest } from './manifests.ts';
import { readingOnly, startCore, type TestCore } from './support.ts';

const names = ['alpha', 'team-a/app', 'team-a/base', 'team-a/deep/er', 'team-b/app', 'zeta'];

let core: TestCore;
before(async () => {
  core = await startCore(fileScope);
  for (const name of names.toReversed()) await putManifest(core, name, 'latest', artifact());
  await pushBlob(core, 'only-blobs', 'content');
});

const catalog = (target: Target, query = '') => request(target, { path: `/v2/_catalog${query}` });

const pages: [query: string, repositories: string[], next: string | undefined][] = [
  ['', names, undefined],
  ['?n=2', names.slice(0, 2), '?n=2&last=team-a%2Fapp'],
  ['?n=2&last=team-a%2Fapp', names.slice(2, 4), '?n=2&last=team-a%2Fdeep%2Fer'],
  ['?n=2&last=team-a/app', names.slice(2, 4), '?n=2&last=team-a%2Fdeep%2Fer'],
  ['?n=6', names, undefined],
  ['?n=0', [], undefined],
  ['?n=99999999999999999999', names, undefined],
  ['?last=not/there', names.slice(1), undefined],
  ['?last=zeta', [], undefined],
];

for (const [query, repositories, next] of pages) {
  test(`_catalog${query}`, async () => {
    const answer = await catalog(core, query);
    assert.equal(answer.status, 200);
    assert.deepEqual(answer.json, { repositories });
    assert.equal(answer.headers.link, next && `</v2/_catalog${next}>; rel="next"`);
  });
}

const readers: [readable: string[] | undefined, repositories: string[]][] = [
  [undefined, []],
  [[], []],
  [['**'], names],
  [['team-a/**'], ['team-a/app', 'team-a/base', 'team-a/deep/er']],
  [['team-a/*'], ['team-a/app', 'team-a/base']],
  [['*/app'], ['team-a/app', 'team-b/app']],
  [
    ['zeta', 'alpha', 'nowhere'],
    ['alpha', 'zeta'],
  ],
  [['team-a'], []],
  [['not a pattern', '***'], []],
];

for (const [readable, repositories] of readers) {
  test(`somebody who may read ${JSON.stringify(readable)} sees ${repositories.length} repositories`, async () => {
    const somebody = readingOnly(core, readable);
    assert.deepEqual((await catalog(somebody)).json, { repositories });
    const seen: string[] = [];
    let path: string | undefined = '/v2/_catalog?n=1';
    while (path !== undefined) {
      const answer = await request(somebody, { path });
      seen.push(...answer.json.repositories);
      path = /^<(.+)>; rel="next"$/.exec(String(answer.headers.link ?? ''))?.[1];
    }
    assert.deepEqual(seen, repositories, 'page by page as well');
  });
}

test('without a request context nothing is readable', async () => {
  assert.deepEqual((await catalog({ ...core, headers: {} })).json, { repositories: [] });
});

test('a repository that was emptied leaves the catalog at once, and comes back with a push', async (t) => {
  const own = await startCore(t);
  await putManifest(own, 'app', 'latest', artifact());
  await deleteManifest(own, 'app', 'latest');
  assert.deepEqual((await catalog(own)).json, { repositories: ['app'] }, 'its manifest is still there');
  await deleteManifest(own, 'app', digestOf(artifact()));
  assert.deepEqual((await catalog(own)).json, { repositories: [] });
  await putManifest(own, 'app', 'latest', artifact());
  assert.deepEqual((await catalog(own)).json, { repositories: ['app'] });
});
