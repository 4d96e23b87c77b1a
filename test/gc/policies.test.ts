import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hour, image, index, openStores, type Stores, subject } from './support.ts';

const day = 24 * hour;

/** Pushes an image of its own with these tags, a millisecond or more after the last one. */
async function tagged(stores: Stores, repository: string, ...tags: string[]) {
  const digest = await stores.putManifest(repository, image(await stores.pushBlob(repository), []), ...tags);
  stores.age(1);
  return digest;
}

const tagsOf = ({ registry }: Stores, repository: string) =>
  registry.tags(repository, { limit: 100, last: undefined });

/** [fields of the policy, the tags that stay of old, kept, v1, latest, used, new]; old to latest are unused for 100 days. */
const semantics: readonly (readonly [string, string])[] = [
  ['', 'old kept v1 latest used new'],
  ['protected: [v1]', 'old kept v1 latest used new'],
  ['untagged: 0', 'old kept v1 latest used new'],
  ['keep_last: 2', 'used new'],
  ['keep_last: 100', 'old kept v1 latest used new'],
  ['keep_last: 2, keep: [kept]', 'kept used new'],
  ['keep_last: 2, keep: [new]', 'latest used new'],
  ['keep_last: 1, protected: ["v*", "l*t"]', 'v1 latest new'],
  ['unused: 90d', 'used new'],
  ['unused: 101d', 'old kept v1 latest used new'],
  ['unused: 30m', ''],
  ['unused: 90d, keep: ["*e*"]', 'kept latest used new'],
  ['unused: 90d, keep_last: 3', 'latest used new'],
  ['unused: 90d, keep_last: 1', 'used new'],
  ['unused: 90d, keep_last: 0', 'used new'],
  ['unused: 90d, keep_last: 3, keep: [used], protected: [old]', 'old v1 latest used new'],
];

for (const [fields, kept] of semantics) {
  test(`{ ${fields} } keeps: ${kept}`, async (t) => {
    const stores = await openStores(t, { policies: `[{ repositories: a, ${fields} }]` });
    for (const tag of ['old', 'kept', 'v1', 'latest']) await tagged(stores, 'a', tag);
    stores.age(50 * day);
    for (const tag of ['used', 'new']) await tagged(stores, 'a', tag);
    stores.age(50 * day);
    const all = await tagsOf(stores, 'a');
    const planned = await stores.collection.plan(Date.now());
    assert.deepEqual(await tagsOf(stores, 'a'), all, 'a plan removes nothing');
    const { tags_deleted: removed, errors } = await stores.collect();
    assert.deepEqual(errors, []);
    const left = await tagsOf(stores, 'a');
    assert.deepEqual(left, kept.split(' ').filter(Boolean).sort());
    assert.equal(removed, 6 - left.length);
    assert.deepEqual([...planned.tags.map(({ tag }) => tag), ...left].sort(), all);
  });
}

test('the first policy that covers a repository counts, alone', async (t) => {
  const stores = await openStores(t, {
    policies:
      '[{ repositories: a/kept }, { repositories: "a/*", keep_last: 1 }, { repositories: "**", unused: 10d }]',
  });
  for (const repository of ['a/kept', 'a/b', 'a/b/c']) {
    for (const tag of ['one', 'two']) await tagged(stores, repository, tag);
  }
  await stores.collect();
  stores.age(9 * day);
  assert.equal((await stores.collect()).tags_deleted, 0);
  stores.age(2 * day);
  assert.equal((await stores.collect()).tags_deleted, 2);
  assert.deepEqual(await tagsOf(stores, 'a/kept'), ['one', 'two']);
  assert.deepEqual(await tagsOf(stores, 'a/b'), ['two']);
  assert.deepEqual(await tagsOf(stores, 'a/b/c'), []);
});

test('each use counts: push, pull by tag, pull by digest of the manifest or of a part of its index', async (t) => {
  const stores = await openStores(t, { policies: '[{ repositories: a, unused: 30d }]' });
  for (const tag of ['unused', 'by-tag']) await tagged(stores, 'a', tag);
  const byDigest = await tagged(stores, 'a', 'by-digest');
  const parts = [await tagged(stores, 'a'), await tagged(stores, 'a')];
  await stores.putManifest('a', index(parts), 'by-part');
  const again = image(await stores.pushBlob('a'), []);
  await stores.putManifest('a', again, 'again');
  stores.age(20 * day);
  await stores.pull('a', { tag: 'by-tag' });
  await stores.pull('a', { digest: byDigest });
  await stores.pull('a', { digest: parts[1]! });
  await stores.putManifest('a', again, 'again');
  stores.age(20 * day);
  assert.equal((await stores.collect()).tags_deleted, 1);
  assert.deepEqual(await tagsOf(stores, 'a'), ['again', 'by-digest', 'by-part', 'by-tag']);
  stores.age(11 * day);
  assert.equal((await stores.collect()).tags_deleted, 4);
});

test('a pull counts for an hour longer, since its time may have been written an hour before the last one', async (t) => {
  const stores = await openStores(t, { policies: '[{ repositories: a, unused: 30d }]' });
  await tagged(stores, 'a', 'latest');
  await stores.pull('a', { tag: 'latest' });
  stores.age(30 * day + hour / 2);
  assert.equal((await stores.collect()).tags_deleted, 0);
  stores.age(hour);
  assert.equal((await stores.collect()).tags_deleted, 1);
});

test('the manifest of a removed tag rests as an untagged one, by the policy of its repository', async (t) => {
  const stores = await openStores(t, { policies: '[{ repositories: a, untagged: 3d, keep_last: 1 }]' });
  const old = await tagged(stores, 'a', 'old', 'older');
  await tagged(stores, 'a', 'new');
  stores.age(100 * day);
  const planned = await stores.collection.plan(Date.now());
  assert.deepEqual([planned.tags.length, planned.manifests.length], [2, 0]);
  const report = await stores.collect();
  assert.deepEqual([report.tags_deleted, report.manifests_deleted], [2, 0]);
  assert.ok(Math.abs(Date.parse(report.next_due!) - Date.now() - 3 * day) < hour);
  stores.age(3 * day - hour);
  assert.equal((await stores.collect()).manifests_deleted, 0);
  stores.age(2 * hour);
  const last = await stores.collect();
  assert.deepEqual([last.manifests_deleted, last.blobs_swept, last.bytes_freed], [1, 1, 64]);
  assert.ok(!(await stores.headManifest('a', old)));
});

test('an untagged time of its own is what plan, mark and the answer of a DELETE go by', async (t) => {
  const stores = await openStores(t, {
    policies: '[{ repositories: short, untagged: 2d }, { repositories: long, untagged: 90d }]',
  });
  for (const [repository, days] of [
    ['short', 2],
    ['plain', 7],
    ['long', 90],
  ] as const) {
    await tagged(stores, repository, 'latest');
    const { nextDue } = await stores.registry.deleteTag(repository, 'latest', stores.context);
    assert.ok(Math.abs(nextDue! - Date.now() - days * day) < hour, repository);
  }
  for (const [waitDays, gone] of [
    [3, 'short'],
    [5, 'plain'],
    [83, 'long'],
  ] as const) {
    assert.equal((await stores.collect()).manifests_deleted, 0);
    stores.age(waitDays * day);
    const planned = await stores.collection.plan(Date.now());
    assert.deepEqual(
      planned.manifests.map(({ repository }) => repository),
      [gone],
    );
    assert.equal((await stores.collect()).manifests_deleted, 1, gone);
  }
});

test('with untagged: 0 all goes in the run that removes the tag, as a plan says', async (t) => {
  const stores = await openStores(t, { policies: '[{ repositories: a, untagged: 0, unused: 30d }]' });
  const signed = await tagged(stores, 'a', 'old');
  const signature = await stores.pushBlob('a');
  await stores.putManifest('a', image(signature, [], subject(signed)));
  const [one, two] = [await tagged(stores, 'a'), await tagged(stores, 'a')];
  await stores.putManifest('a', index([one, two]), 'index');
  stores.age(29 * day);
  await tagged(stores, 'a', 'fresh');
  stores.age(2 * day);
  const planned = await stores.collection.plan(Date.now());
  const report = await stores.collect();
  assert.deepEqual(
    [planned.tags.length, planned.manifests.length, planned.links, planned.blobs, planned.bytes],
    [2, 5, 4, 4, 256],
  );
  assert.deepEqual(
    [report.tags_deleted, report.manifests_deleted, report.links_deleted, report.blobs_swept],
    [2, 5, 4, 4],
  );
  assert.deepEqual(await tagsOf(stores, 'a'), ['fresh']);
});

test('referrers stay with a kept subject, parts with a kept index, whatever the policies', async (t) => {
  const stores = await openStores(t, {
    policies: '[{ repositories: a, untagged: 0, keep_last: 2 }]',
  });
  const part = await tagged(stores, 'a', 'part-old');
  const signature = await stores.pushBlob('a');
  await stores.putManifest('a', image(signature, [], subject(part)));
  await tagged(stores, 'a', 'old');
  await stores.putManifest('a', index([part]), 'index');
  stores.age(1);
  await tagged(stores, 'a', 'new');
  stores.age(100 * day);
  const report = await stores.collect();
  assert.deepEqual([report.tags_deleted, report.manifests_deleted], [2, 1], 'the image of old alone');
  assert.ok((await stores.headManifest('a', part)) && (await stores.readable('a', signature)));
});

test('a tag that refers to a manifest by its name stays with it, counts for nothing, and goes after it', async (t) => {
  const stores = await openStores(t, { policies: '[{ repositories: a, untagged: 2d, keep_last: 1 }]' });
  const old = await tagged(stores, 'a', 'old');
  const kept = await tagged(stores, 'a', 'kept');
  const referring = (digest: string) => `${digest.replace(':', '-')}.sig`;
  for (const digest of [old, kept]) await tagged(stores, 'a', referring(digest));
  assert.equal((await stores.collect()).tags_deleted, 1);
  assert.deepEqual(await tagsOf(stores, 'a'), ['kept', referring(old), referring(kept)].sort());
  stores.age(3 * day);
  assert.deepEqual(
    [(await stores.collect()).manifests_deleted, (await stores.collect()).tags_deleted],
    [1, 1],
  );
  await tagged(stores, 'a', referring(`sha256:${'0'.repeat(64)}`));
  assert.equal((await stores.collect()).tags_deleted, 0, 'its subject may be on its way');
  stores.age(3 * day);
  await stores.collect();
  assert.deepEqual(await tagsOf(stores, 'a'), ['kept', referring(kept)].sort());
});

test('a run in doubt about the clock, or about a repository, removes no tag there', async (t) => {
  const stores = await openStores(t, { policies: '[{ repositories: "**", keep_last: 1 }]' });
  for (const repository of ['doubtful', 'plain']) {
    for (const tag of ['one', 'two']) await tagged(stores, repository, tag);
  }
  const boot = { bootId: 'x', wallMs: Date.now(), bootMs: 0 };
  const jumped = { ...boot, wallMs: boot.wallMs + 100 * day };
  stores.database.prepare("UPDATE manifests SET kind = 'x' WHERE repository_id = 1").run();
  await stores.collection.checkClock(boot);
  const suspect = await stores.collect(jumped);
  assert.deepEqual([suspect.clock_suspect, suspect.tags_deleted], [true, 0]);
  const report = await stores.collect(boot);
  assert.deepEqual(
    [report.tags_deleted, report.errors.map(({ what }) => what)],
    [1, ['repository doubtful']],
  );
  assert.deepEqual(await tagsOf(stores, 'doubtful'), ['one', 'two']);
  assert.deepEqual((await stores.collection.plan(Date.now())).tags, []);
});

test('with gc.trash what a policy removed can be brought back', async (t) => {
  const policies = '[{ repositories: a, keep_last: 1 }]';
  const stores = await openStores(t, { policies, trashMs: day });
  const digest = await tagged(stores, 'a', 'old');
  await tagged(stores, 'a', 'new');
  const { run } = await stores.collect();
  assert.deepEqual((await stores.collection.trash.ofRun(run!))?.tags, [
    { repository: 'a', name: 'old', digest },
  ]);
});

test('what a policy removed stands in the journal, in the name of the collector', async (t) => {
  const stores = await openStores(t, { policies: '[{ repositories: a, keep_last: 1 }]' });
  const digest = await tagged(stores, 'a', 'old');
  await tagged(stores, 'a', 'new');
  await stores.collect();
  const rows = stores.database
    .prepare("SELECT repository, digest, tag, actor FROM events WHERE kind = 'tag.delete'")
    .all();
  assert.deepEqual(rows, [{ repository: 'a', digest, tag: 'old', actor: 'gc' }]);
});
