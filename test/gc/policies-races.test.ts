import assert from 'node:assert/strict';
import { test } from 'node:test';
import { applyPolicies } from '../../gc/policies.ts';
import { newReport } from '../../gc/report.ts';
import type { TagRemoval } from '../../registry-core/metadata/collection.ts';
import { hour, image, index, openStores, type Stores, sha256 } from './support.ts';

const day = 24 * hour;

/** A tag that is due, as a run sees it before it removes it. */
async function seenTag(stores: Stores, repository = 'a') {
  const body = image(await stores.pushBlob(repository), []);
  const digest = await stores.putManifest(repository, body, 'old');
  stores.age(40 * day);
  const { removal } = (await stores.collection.nextTagRemoval('', 50))!;
  assert.deepEqual(
    removal!.tags.map(({ name }) => name),
    ['old'],
  );
  return { body, digest, removal: removal! };
}

const remove = async ({ collection }: Stores, removal: TagRemoval) =>
  (await collection.removeTags(removal, 50)).removed;

/** What may happen between the look and the removal, each enough to keep the tag. */
const meanwhile: readonly (readonly [
  string,
  (stores: Stores, seen: Awaited<ReturnType<typeof seenTag>>) => Promise<unknown>,
])[] = [
  ['is pushed again', (stores, { body }) => stores.putManifest('a', body, 'old')],
  [
    'moves to another manifest',
    async (stores) => stores.putManifest('a', image(await stores.pushBlob('a'), []), 'old'),
  ],
  [
    'moves within the millisecond of its push',
    async (stores, { removal }) => {
      await stores.putManifest('a', image(await stores.pushBlob('a'), []), 'old');
      stores.database.prepare('UPDATE tags SET updated_at = ?').run(removal.tags[0]!.updatedAt);
    },
  ],
  ['is pulled', (stores) => stores.pull('a', { tag: 'old' })],
  ['names a manifest that is pulled by digest', (stores, { digest }) => stores.pull('a', { digest })],
  [
    'is removed and comes again',
    async (stores, { body }) => {
      await stores.registry.deleteTag('a', 'old', stores.context);
      await stores.putManifest('a', body, 'old');
    },
  ],
];

for (const [what, happen] of meanwhile) {
  test(`a tag that ${what} between the look and the removal stays`, async (t) => {
    const stores = await openStores(t, { policies: '[{ repositories: a, unused: 30d }]' });
    const seen = await seenTag(stores);
    await happen(stores, seen);
    assert.equal(await remove(stores, seen.removal), 0);
    assert.deepEqual(await stores.registry.tags('a', { limit: 9, last: undefined }), ['old']);
  });
}

test('a tag whose index has a part that is pulled meanwhile stays', async (t) => {
  const stores = await openStores(t, { policies: '[{ repositories: a, unused: 30d }]' });
  const part = await stores.putManifest('a', image(await stores.pushBlob('a'), []));
  await stores.putManifest('a', index([part]), 'old');
  stores.age(40 * day);
  const { removal } = (await stores.collection.nextTagRemoval('', 50))!;
  await stores.pull('a', { digest: part });
  assert.equal(await remove(stores, removal!), 0);
});

test('a tag that refers by its name to a manifest that comes meanwhile stays', async (t) => {
  const stores = await openStores(t, { policies: '[{ repositories: a, keep_last: 1 }]' });
  const subject = image(await stores.pushBlob('a'), []);
  const name = `${sha256(Buffer.from(JSON.stringify(subject))).replace(':', '-')}.sig`;
  await stores.putManifest('a', image(await stores.pushBlob('a'), []), name);
  stores.age(8 * day);
  const { removal } = (await stores.collection.nextTagRemoval('', 50))!;
  assert.equal(removal!.tags[0]!.name, name);
  await stores.putManifest('a', subject);
  assert.equal(await remove(stores, removal!), 0);
});

test('a tag goes where nothing happened, and of a list made earlier nothing goes twice', async (t) => {
  const stores = await openStores(t, { policies: '[{ repositories: a, unused: 30d }]' });
  const { removal } = await seenTag(stores);
  assert.equal(await remove(stores, removal), 1);
  assert.equal(await remove(stores, removal), 0);
});

test('when one of the last N is deleted meanwhile none goes: the next run counts again', async (t) => {
  const stores = await openStores(t, { policies: '[{ repositories: a, keep_last: 2 }]' });
  for (const tag of ['one', 'two', 'three', 'four']) {
    await stores.putManifest('a', image(await stores.pushBlob('a'), []), tag);
    stores.age(hour);
  }
  const { removal } = (await stores.collection.nextTagRemoval('', 50))!;
  await stores.registry.deleteTag('a', 'four', stores.context);
  assert.equal(await remove(stores, removal!), 0);
  assert.equal((await stores.collect()).tags_deleted, 1);
  assert.deepEqual(await stores.registry.tags('a', { limit: 9, last: undefined }), ['three', 'two']);
});

test('a pull of a tag that the next run would take is written at once, not within a minute', async (t) => {
  const stores = await openStores(t, { policies: '[{ repositories: a, unused: 30d }]' });
  await seenTag(stores);
  const manifest = await stores.registry.promiseManifest('a', { tag: 'old' });
  stores.registry.notePull('a', { tag: 'old' }, manifest!);
  // Writes go in order, so this one is behind it.
  await stores.registry.forgetDoomed('blob', 'none');
  assert.equal((await stores.collect()).tags_deleted, 0);
});

test('a run that is stopped ends between two transactions, and the next goes on', async (t) => {
  const stores = await openStores(t, { policies: '[{ repositories: "**", keep_last: 1 }]' });
  for (const repository of ['a', 'b', 'c']) {
    for (const tag of ['one', 'two']) {
      await stores.putManifest(repository, image(await stores.pushBlob(repository), []), tag);
      stores.age(1);
    }
  }
  const stop = new AbortController();
  const { collection } = stores;
  const stopping = {
    ...collection,
    removeTags: async (removal: TagRemoval, budgetMs: number) => {
      stop.abort();
      return collection.removeTags(removal, budgetMs);
    },
  };
  const report = newReport(false, new Date());
  await assert.rejects(applyPolicies(stopping, report, stop.signal), { name: 'AbortError' });
  assert.equal(report.tags_deleted, 1);
  assert.equal((await stores.collect()).tags_deleted, 2);
});

test('a transaction without time left removes one tag, and the rest comes after it', async (t) => {
  const stores = await openStores(t, { policies: '[{ repositories: a, keep_last: 1 }]' });
  for (const tag of ['one', 'two', 'three']) {
    await stores.putManifest('a', image(await stores.pushBlob('a'), []), tag);
    stores.age(1);
  }
  const { removal } = (await stores.collection.nextTagRemoval('', 50))!;
  const { removed, left } = await stores.collection.removeTags(removal!, 0);
  assert.deepEqual([removed, left.map(({ name }) => name)], [1, ['one']]);
});

test('a look without time left says where to go on', async (t) => {
  const stores = await openStores(t, { policies: '[{ repositories: none, keep_last: 1 }]' });
  for (const repository of ['a', 'b']) await stores.pushBlob(repository);
  assert.deepEqual(await stores.collection.nextTagRemoval('', 0), { after: 'a' });
  assert.deepEqual(await stores.collection.nextTagRemoval('a', 0), { after: 'b' });
  assert.equal(await stores.collection.nextTagRemoval('b', 0), undefined);
});

test('without a policy that removes tags no repository is looked at', async (t) => {
  const stores = await openStores(t, {
    policies: '[{ repositories: "**", untagged: 1d, protected: ["v*"] }]',
  });
  await stores.pushBlob('a');
  assert.equal(await stores.collection.nextTagRemoval('', 0), undefined);
});
