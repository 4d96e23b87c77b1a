import assert from 'node:assert/strict';
import test from 'node:test';
import { request } from '../support/http.ts';
import { digestOf } from '../support/push.ts';
import { artifact, putManifest } from './manifests.ts';
import { startCore } from './support.ts';

test('a tag that a policy removes soon warns who looks at it, and nobody else', async (t) => {
  const policies = JSON.stringify([
    { repositories: 'soon/*', unused: '2d', keep: ['kept'] },
    { repositories: 'late/*', unused: '30d' },
  ]);
  const core = await startCore(t, { settings: { 'gc.policies': policies } });
  const warning = async (name: string, method = 'HEAD') =>
    (await request(core, { method, path: `/v2/${name}` })).headers['warning'];
  for (const repository of ['soon/app', 'late/app', 'other/app']) {
    await putManifest(core, repository, `${digestOf(artifact())}?tag=latest&tag=kept`, artifact());
  }
  const before = Date.now();
  const [, time = ''] =
    /^299 - "retention removes tag latest of soon\/app at (\S+) unless it is pulled or pushed before"$/.exec(
      (await warning('soon/app/manifests/latest'))!,
    )!;
  assert.ok(Math.abs(Date.parse(time) - before - 2 * 86_400_000) < 86_400_000, time);
  assert.match((await warning('soon/app/manifests/latest', 'GET'))!, /^299 - "retention/);
  for (const name of [
    `soon/app/manifests/${digestOf(artifact())}`,
    'soon/app/manifests/kept',
    'soon/app/tags/list',
    'late/app/manifests/latest',
    'other/app/manifests/latest',
  ]) {
    assert.equal(await warning(name), undefined, name);
  }
});
