import assert from 'node:assert/strict';
import { test } from 'node:test';
import { getManifest, imageOf, putManifest } from '../registry-core/manifests.ts';
import { rowsOf, startCore } from '../registry-core/support.ts';
import { killCollector } from './crash-processes.ts';
import { assertSettled, collectOnce } from './crash-settled.ts';

const policies = '[{ repositories: "team/*", keep_last: 1, untagged: 0 }]';

test('a collector killed while it applies policies: the next run removes the rest, and each tag once', async (t) => {
  const core = await startCore(t, { settings: { 'gc.policies': policies } });
  const repositories = ['team/a', 'team/b', 'team/c'];
  for (const repository of repositories) {
    for (const tag of ['old', 'new'])
      await putManifest(core, repository, tag, await imageOf(core, repository, tag));
  }
  const tags = () =>
    rowsOf(
      core.config,
      'SELECT r.name || t.name AS tag FROM tags t JOIN repositories r ON r.id = repository_id',
    )
      .map(({ tag }) => tag)
      .sort();
  const removed = () =>
    rowsOf(
      core.config,
      "SELECT repository FROM events WHERE kind = 'tag.delete' AND actor = 'gc' ORDER BY 1",
    ).map(({ repository }) => repository);
  await killCollector(t, core.config, 'gc.policies.committed', { GATEHOUSE_GC_POLICIES: policies });
  assert.deepEqual(tags(), ['team/anew', 'team/bnew', 'team/bold', 'team/cnew', 'team/cold']);
  assert.deepEqual(removed(), ['team/a']);
  await collectOnce(core.config);
  await assertSettled(core.config);
  assert.deepEqual(tags(), ['team/anew', 'team/bnew', 'team/cnew']);
  assert.deepEqual(removed(), ['team/b', 'team/c'], 'the first is older than the journal by now');
  for (const repository of repositories)
    assert.equal((await getManifest(core, repository, 'new')).status, 200);
});
