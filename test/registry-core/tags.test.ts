import assert from 'node:assert/strict';
import test, { before } from 'node:test';
import { request } from '../support/http.ts';
import { digestOf, pushBlob } from '../support/push.ts';
import { fileScope } from '../support/scope.ts';
import { artifact, deleteManifest, putManifest } from './manifests.ts';
import { assertError, startCore, type TestCore } from './support.ts';

/** In the order of their bytes: digits, capitals, "_", small letters. */
const names = ['0', '1.0', '10', '2', 'A', 'Z', '_', 'a', 'a-b', 'a.b', 'aa', 'latest', 'z'];

let core: TestCore;
before(async () => {
  core = await startCore(fileScope);
  const digest = digestOf(artifact());
  const shuffled = names.toReversed().map((tag) => `tag=${tag}`);
  await putManifest(core, 'team/app', `${digest}?${shuffled.join('&')}`, artifact());
  await putManifest(core, 'team/another', 'other', artifact());
});

const list = (query = '', repository = 'team/app') =>
  request(core, { path: `/v2/${repository}/tags/list${query}` });

const pages: [query: string, tags: string[], next: string | undefined][] = [
  ['', names, undefined],
  ['?n=3', names.slice(0, 3), '?n=3&last=10'],
  ['?n=3&last=10', names.slice(3, 6), '?n=3&last=Z'],
  ['?n=13', names, undefined],
  ['?n=14', names, undefined],
  ['?n=12', names.slice(0, 12), '?n=12&last=latest'],
  ['?n=999999999999999999999999', names, undefined],
  ['?n=0', [], undefined],
  ['?n=0&last=a', [], undefined],
  ['?last=latest', ['z'], undefined],
  ['?last=z', [], undefined],
  ['?n=5&last=zz', [], undefined],
  ['?n=2&last=b', ['latest', 'z'], undefined],
  ['?n=2&last=9', ['A', 'Z'], '?n=2&last=Z'],
  ['?last=', names, undefined],
  ['?last=%C3%A9', [], undefined],
  ['?n=01', ['0'], '?n=1&last=0'],
];

for (const [query, tags, next] of pages) {
  test(`tags/list${query}`, async () => {
    const answer = await list(query);
    assert.equal(answer.status, 200);
    assert.deepEqual(answer.json, { name: 'team/app', tags });
    const link = next === undefined ? undefined : `</v2/team/app/tags/list${next}>; rel="next"`;
    assert.equal(answer.headers.link, link);
  });
}

for (const n of [1, 2, 5, 12]) {
  test(`Link followed to the end, ${n} at a time: each tag once`, async () => {
    const seen: string[] = [];
    let path: string | undefined = `/v2/team/app/tags/list?n=${n}`;
    for (let page = 0; path !== undefined; page++) {
      assert.ok(page < 20, 'it ends');
      const answer = await request(core, { path });
      assert.ok(answer.json.tags.length > 0, 'no page is empty');
      seen.push(...answer.json.tags);
      path = /^<(.+)>; rel="next"$/.exec(String(answer.headers.link ?? ''))?.[1];
    }
    assert.deepEqual(seen, names);
  });
}

for (const n of ['-1', '1.5', 'x', '', '0x10']) {
  test(`n=${n} is 400`, async () => {
    assertError(await list(`?n=${n}`), 400, 'PAGINATION_NUMBER_INVALID');
  });
}

test('HEAD has the length of GET and no body', async () => {
  const head = await request(core, { method: 'HEAD', path: '/v2/team/app/tags/list' });
  assert.equal(head.headers['content-length'], String((await list()).body.length));
  assert.equal(head.text, '');
});

test('a repository that is not there is 404; one without tags has an empty list', async (t) => {
  const own = await startCore(t);
  const path = '/v2/app/tags/list';
  assert.deepEqual(assertError(await request(own, { path }), 404, 'NAME_UNKNOWN'), { name: 'app' });
  await request(own, { method: 'POST', path: '/v2/app/blobs/uploads/' });
  assertError(await request(own, { path }), 404, 'NAME_UNKNOWN');
  await pushBlob(own, 'app', 'content');
  assert.deepEqual((await request(own, { path })).json, { name: 'app', tags: [] });
  await putManifest(own, 'app', 'latest', artifact());
  assert.deepEqual((await request(own, { path })).json.tags, ['latest']);
  await deleteManifest(own, 'app', 'latest');
  assert.deepEqual((await request(own, { path })).json.tags, []);
});
