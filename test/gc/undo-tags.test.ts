import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CoreClient } from '../../gc/core-client.ts';
import { imageOf, putManifest } from '../registry-core/manifests.ts';
import { request, type Target } from '../support/http.ts';
import { digestOf } from '../support/push.ts';
import { day, startWithTrash, type WithTrash } from './undo-support.ts';

const keepLast = (count: number) => ({ 'gc.policies': `[{ repositories: "**", keep_last: ${count} }]` });

/** The digest that a tag names; undefined when there is no such tag. */
async function tagOf(target: Target, name: string): Promise<unknown> {
  const { headers } = await request(target, { method: 'HEAD', path: `/v2/app/manifests/${name}` });
  return headers['docker-content-digest'];
}

/** Two tagged images, of which the policy takes the older; its tag, or with `later` days its manifest, too. */
async function removed(registry: WithTrash, later = 0): Promise<{ run: number; old: Buffer }> {
  const { core } = registry;
  const old = await imageOf(core, 'app', 'old');
  await putManifest(core, 'app', 'old', old);
  registry.age(day);
  await putManifest(core, 'app', 'new', await imageOf(core, 'app', 'new'));
  registry.age(later);
  const { run, tags_deleted: tags } = await registry.collect();
  assert.equal(tags, 1);
  assert.equal(await tagOf(core, 'old'), undefined);
  return { run: run!, old };
}

test('a tag that a policy removed comes back to its manifest, and is there when it is undone again', async (t) => {
  const registry = await startWithTrash(t, keepLast(1));
  const { run, old } = await removed(registry);
  const report = await registry.undo(run);
  assert.deepEqual([report.tags, report.manifests, report.could_not], [1, 0, []]);
  assert.equal(await tagOf(registry.core, 'old'), digestOf(old));
  const again = await registry.undo(run);
  assert.deepEqual([again.tags, again.already_there, again.could_not], [0, 1, []]);
});

test('a tag comes back with the manifest that a later run removed', async (t) => {
  const registry = await startWithTrash(t, { ...keepLast(1), 'gc.trash': '90d' });
  const { run, old } = await removed(registry);
  registry.age(30 * day);
  assert.equal((await registry.collect()).manifests_deleted, 1);
  const report = await registry.undo(run);
  assert.deepEqual([report.tags, report.manifests, report.blobs, report.could_not], [1, 1, 2, []]);
  assert.equal(await tagOf(registry.core, 'old'), digestOf(old));
});

test('a name that was given away meanwhile stays with its new owner', async (t) => {
  const registry = await startWithTrash(t, keepLast(1));
  const { core } = registry;
  const { run } = await removed(registry);
  const other = await imageOf(core, 'app', 'other');
  await putManifest(core, 'app', 'old', other);
  const report = await registry.undo(run);
  assert.deepEqual(report.could_not, [
    { what: 'tag app:old', why: `the name is taken by ${digestOf(other)}` },
  ]);
  assert.equal(await tagOf(core, 'old'), digestOf(other));
});

test('a name that is given away between look and push stays with its new owner, too', async (t) => {
  const registry = await startWithTrash(t, keepLast(1));
  const { core } = registry;
  const { run } = await removed(registry);
  const other = await imageOf(core, 'app', 'other');
  const slow: CoreClient = {
    async send(endpoint, body, headers) {
      const isTag = endpoint.kind === 'manifest' && endpoint.method === 'PUT' && 'tag' in endpoint.reference;
      if (isTag) await putManifest(core, 'app', 'old', other);
      return registry.client.send(endpoint, body, headers);
    },
    close() {},
  };
  const report = await registry.undo(run, slow);
  assert.deepEqual(report.could_not, [{ what: 'tag app:old', why: 'the name was taken just now' }]);
  assert.equal(await tagOf(core, 'old'), digestOf(other));
});

test('a tag whose manifest a client deleted cannot come back, and that is said', async (t) => {
  const registry = await startWithTrash(t, keepLast(1));
  const { run, old } = await removed(registry);
  const path = `/v2/app/manifests/${digestOf(old)}`;
  assert.equal((await request(registry.core, { method: 'DELETE', path })).status, 202);
  const { could_not: failures } = await registry.undo(run);
  assert.deepEqual(
    failures.map(({ what }) => what),
    ['tag app:old'],
  );
  assert.match(failures[0]!.why, /neither there nor in the trash/);
});
