import assert from 'node:assert/strict';
import test, { before } from 'node:test';
import { request } from '../support/http.ts';
import { fileScope } from '../support/scope.ts';
import { artifact, putManifest } from './manifests.ts';
import { readingOnly, startCore, type TestCore } from './support.ts';

let core: TestCore;
before(async () => {
  core = await startCore(fileScope);
  for (const name of ['team-a/app', 'team-b/app', 'app', 'app-two', '100_x']) {
    await putManifest(core, name, 'latest', artifact());
  }
});

const searches: [query: string, readable: string[] | undefined, names: string[]][] = [
  ['?q=app', ['**'], ['app', 'app-two', 'team-a/app', 'team-b/app']],
  ['?q=APP&n=2', ['**'], ['app', 'app-two']],
  ['?q=team-a%2F', ['**'], ['team-a/app']],
  ['?q=app', ['team-b/*', 'app-two'], ['app-two', 'team-b/app']],
  ['?q=%25', ['**'], []],
  ['?q=_', ['**'], ['100_x']],
  ['?q=', ['**'], ['100_x', 'app', 'app-two', 'team-a/app', 'team-b/app']],
  ['', ['app'], ['app']],
  ['?q=app&n=0', ['**'], []],
  ['?q=app', [], []],
  ['?q=app', undefined, []],
];

for (const [query, readable, names] of searches) {
  test(`/v1/search${query} of somebody who may read ${JSON.stringify(readable)}`, async () => {
    const { status, json } = await request(readingOnly(core, readable), { path: `/v1/search${query}` });
    assert.equal(status, 200);
    assert.deepEqual(
      json.results.map(({ name }: { name: string }) => name),
      names,
    );
    assert.equal(json.num_results, names.length);
  });
}
