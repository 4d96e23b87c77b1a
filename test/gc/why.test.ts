import assert from 'node:assert/strict';
import { test } from 'node:test';
import { planReport } from '../../gc/plan.ts';
import { parseQuestion, whyReport } from '../../gc/why.ts';
import type { Digest } from '../../oci/digest.ts';
import { openInspection } from '../../registry-core/metadata/inspection.ts';
import { onEnd } from '../support/scope.ts';
import { hour, image, index, openStores, type Stores, subject } from './support.ts';

async function asking(t: Parameters<typeof openStores>[0]) {
  const stores = await openStores(t);
  const inspection = openInspection(stores.path, stores.retention);
  onEnd(t, () => inspection.close());
  return {
    stores,
    plan: async (limit = 100) => planReport(await inspection.plan(limit)),
    async why(text: string, limit = 100) {
      const why = await inspection.why(parseQuestion(text)!, limit);
      return why && whyReport(why, Date.now());
    },
  };
}

/** The steps of each chain, times and digests left out. */
function shapes(chains: { steps: string[] }[]): string[][] {
  return chains.map(({ steps }) => steps.map((step) => step.split(/ (?:sha256:|until|\()/)[0]!));
}

async function signedIndex(stores: Stores) {
  const layer = await stores.pushBlob('team/app');
  const child = await stores.putManifest('team/app', image(layer, []));
  const list = await stores.putManifest('team/app', index([child]), 'v1', 'latest');
  const signature = await stores.putManifest(
    'team/app',
    image(await stores.pushBlob('team/app'), [], subject(list)),
  );
  return { layer, child, list, signature };
}

test('why: a blob of a tagged index is kept by each of its tags, by way of index and manifest', async (t) => {
  const { stores, why } = await asking(t);
  const { layer, child, list } = await signedIndex(stores);
  stores.age(100 * hour);
  const answer = (await why(`team/app@${layer}`))!;
  const [place] = answer.places;
  assert.deepEqual(shapes(place!.chains), [
    ['tag latest', 'index', 'manifest', 'blob'],
    ['tag v1', 'index', 'manifest', 'blob'],
  ]);
  assert.match(place!.chains[0]!.steps[0]!, /^tag latest \(pushed by tester, request test, \d{4}-/);
  assert.ok(place!.chains[0]!.steps[1]!.includes(list) && place!.chains[0]!.steps[2]!.includes(child));
  assert.deepEqual([place!.earliest, place!.due, answer.blob!.earliest], [null, false, null]);
  assert.equal((await why(`team/app@${layer}`, 1))!.places[0]!.more, true);
});

test('why: every index that lists a manifest is told of, and every manifest that refers to a blob', async (t) => {
  const { stores, why } = await asking(t);
  const { layer, child } = await signedIndex(stores);
  await stores.putManifest('team/app', index([child], { annotations: { other: 'yes' } }), 'v2');
  await stores.putManifest('team/app', image(layer, [layer]), 'v3');
  stores.age(100 * hour);
  const [place] = (await why(`team/app@${layer}`))!.places;
  assert.deepEqual(
    shapes(place!.chains)
      .map(([keeper]) => keeper)
      .sort(),
    ['tag latest', 'tag v1', 'tag v2', 'tag v3'],
  );
});

test('why: a referrer is kept by its subject, up to the tag of that', async (t) => {
  const { stores, why } = await asking(t);
  const { signature, list } = await signedIndex(stores);
  stores.age(100 * hour);
  const [place] = (await why(signature))!.places;
  assert.deepEqual(shapes(place!.chains), [
    ['tag latest', 'index', 'referrer'],
    ['tag v1', 'index', 'referrer'],
  ]);
  assert.ok(place!.chains[0]!.steps[1]!.includes(list));
});

test('why: leases say by what they were set and by whom, and a request that renewed one is told as such', async (t) => {
  const { stores, why } = await asking(t);
  const layer = await stores.pushBlob('a');
  const leaseOf = async (place: string) => (await why(place))!.places[0]!.chains.at(-1)!.steps[0]!;
  assert.match(await leaseOf(`a@${layer}`), /^lease until .* \(upload by tester, request test, /);
  await stores.mount('b', layer, 'a');
  assert.match(await leaseOf(`b@${layer}`), /\(mount by tester, /);
  const manifest = await stores.putManifest('a', image(layer, []));
  const chains = (await why(`a@${manifest}`))!.places[0]!.chains;
  assert.deepEqual(shapes(chains), [
    ['lease', 'manifest'],
    ['gc.untagged', 'manifest'],
  ]);
  assert.match(chains[0]!.steps[0]!, /\(push by tester, /);
  stores.age(20 * hour);
  await stores.headBlob('a', layer);
  assert.match(await leaseOf(`a@${layer}`), /\(a client asked for it, /);
});

test('why: a bare digest tells of all repositories, one repository of the others, each with its time', async (t) => {
  const { stores, why } = await asking(t);
  const layer = await stores.pushBlob('a');
  await stores.mount('b', layer, 'a');
  await stores.putManifest('b', image(layer, []), 'latest');
  const bare = (await why(layer))!;
  assert.deepEqual(
    bare.places.map(({ repository }) => repository),
    ['a', 'b'],
  );
  assert.deepEqual([bare.elsewhere, bare.blob!.earliest, bare.more], [[], null, false]);
  const bounded = (await why(layer, 1))!;
  assert.deepEqual([bounded.places.length, bounded.more], [1, true]);
  const inA = (await why(`a@${layer}`))!;
  assert.ok(inA.places[0]!.earliest, 'the link of a goes with its lease');
  assert.deepEqual([inA.elsewhere, inA.blob!.earliest], [[{ repository: 'b', earliest: null }], null]);
});

test('why: what nothing keeps is due, what was condemned says by which run, what is not there is nothing', async (t) => {
  const { stores, why } = await asking(t);
  const layer = await stores.pushBlob('a');
  stores.age(100 * hour);
  const [place] = (await why(layer))!.places;
  assert.deepEqual([place!.chains, place!.due], [[], true]);
  const run = await stores.collection.beginRun();
  await stores.collection.mark(1000);
  const condemned = (await why(layer))!;
  assert.deepEqual(
    [condemned.places, condemned.blob!.state, condemned.blob!.condemned_by],
    [[], 'condemned', run],
  );
  assert.equal(await why(`a@${layer}`), undefined);
  await stores.collect();
  assert.equal(await why(layer), undefined);
});

test('why: a tag is asked for by its name; a repository with a manifest of an unknown type keeps everything', async (t) => {
  const { stores, why } = await asking(t);
  const layer = await stores.pushBlob('a');
  const manifest = await stores.putManifest('a', image(layer, []), 'latest');
  assert.deepEqual((await why('a:latest'))!.digest, manifest);
  assert.equal(await why('a:other'), undefined);
  stores.database.exec("DELETE FROM tags; UPDATE manifests SET kind = 'hologram'");
  stores.age(1000 * hour);
  assert.deepEqual(shapes((await why(`a@${layer}`))!.places[0]!.chains).at(-1), ['manifest', 'blob']);
  assert.match(
    (await why(`a@${layer}`))!.places[0]!.chains.at(-1)!.steps[0]!,
    /of a type that this Gatehouse does not know/,
  );
});

for (const text of [
  '',
  'a',
  'a@b',
  'A@sha256:0',
  'a:-',
  'a:b:c',
  `a@sha256:${'0'.repeat(63)}`,
  'sha256:00',
]) {
  test(`why: ${JSON.stringify(text)} is no question`, () => assert.equal(parseQuestion(text), undefined));
}

test('plan: each thing says why it goes', async (t) => {
  const { stores, plan } = await asking(t);
  const { child, list, signature, layer } = await signedIndex(stores);
  const lonely = await stores.putManifest('b', image(await stores.pushBlob('b'), []));
  const session = await stores.uploads.open('b', 'sha256', stores.context);
  stores.age(1000 * hour);
  await stores.deleteManifest('team/app', list);
  const { goes } = await plan();
  const reasons = Object.fromEntries(
    goes.manifests.items.map(({ what, reason }) => [what.split('@')[1]!, reason]),
  );
  assert.match(reasons[child]!, new RegExp(`^part of the deleted index ${list}; lease ended `));
  assert.match(reasons[signature]!, new RegExp(`^its subject ${list} is gone; `));
  assert.match(reasons[lonely]!, /^untagged since \d{4}-.*, policy 7d; lease ended /);
  const link = goes.links.items.find(({ what }) => what === `team/app@${layer}`);
  assert.match(link!.reason, new RegExp(`^only manifests that go refer to it, the last is ${child}`));
  assert.match(goes.blobs.items[0]!.reason, /^the last link to it, in (team\/app|b), goes$/);
  assert.equal(goes.bytes, 192);
  assert.match(goes.uploads.items[0]!.what, new RegExp(session.id));
  assert.match(goes.uploads.items[0]!.reason, /^upload session of tester, expired /);
  await stores.collection.beginRun();
  await stores.collection.mark(1000);
  assert.match(
    (await plan()).goes.blobs.items[0]!.reason,
    /^condemned by run 1, its file is not removed yet$/,
  );
});

test('plan: a part of an index waits for its own lease, when that is longer than its index stays', async (t) => {
  const { stores, plan } = await asking(t);
  const layer = await stores.pushBlob('a');
  const part = await stores.putManifest('a', image(layer, []));
  const list = await stores.putManifest('a', index([part]));
  stores.age(160 * hour);
  await stores.headManifest('a', part);
  const due = Object.fromEntries(
    (await plan()).waits.manifests.items.map(({ what, due }) => [what, Date.parse(due) - Date.now()]),
  );
  const within = (at: number, hours: number) => assert.ok(Math.abs(at - hours * hour) < 60_000, `${at}`);
  within(due[`a@${list}`]!, 8);
  within(due[`a@${part}`]!, 24);
  within(Date.parse((await plan()).waits.blobs.items[0]!.due) - Date.now(), 24);
  stores.age(9 * hour);
  assert.equal((await stores.collect()).manifests_deleted, 1);
  stores.age(16 * hour);
  assert.equal((await stores.collect()).blobs_swept, 1);
});

test('plan and why: a tag that a policy takes does not keep its manifest', async (t) => {
  const stores = await openStores(t);
  const policies = [{ repositories: 'a', keepLast: 1, keep: [], protected: [] }];
  const inspection = openInspection(stores.path, { ...stores.retention, policies });
  onEnd(t, () => inspection.close());
  const old = await stores.putManifest('a', image(await stores.pushBlob('a'), []), 'old');
  stores.age(1000 * hour);
  await stores.putManifest('a', image(await stores.pushBlob('a'), []), 'new');
  const { goes, waits } = planReport(await inspection.plan(10));
  assert.deepEqual(
    goes.tags.items.map(({ what }) => what),
    ['a:old'],
  );
  assert.match(goes.tags.items[0]!.reason, /^by policy \(gc\.policies\); pushed \d{4}-.*, pulled never$/);
  const [manifest] = waits.manifests.items;
  assert.equal(manifest!.what, `a@${old}`);
  assert.match(manifest!.reason, /^a policy takes its last tag; then policy 7d for untagged; /);
  const [place] = whyReport((await inspection.why(parseQuestion(old)!, 10))!, Date.now()).places;
  assert.match(place!.chains[0]!.steps[0]!, /^tag old .*; the next run deletes it by policy\)$/);
  const within = Math.abs(Date.parse(place!.earliest!) - Date.now() - 7 * 24 * hour);
  assert.ok(within < 60_000 && place!.chains.length === 1);
  const [kept] = (await inspection.why(parseQuestion('a:new')!, 10))!.places;
  assert.equal(kept!.dueAt, null);
});

test('plan: what is in the trash says since when, by which run and until when', async (t) => {
  const stores = await openStores(t);
  const trashed = stores.database.prepare('INSERT INTO trashed_blobs VALUES (?, ?, 5, ?, ?, ?)');
  trashed.run('sha256/aa/aa.1', 'sha256:aa', '2026-01-01', 1, Date.now() - 30 * hour);
  trashed.run('sha256/bb/bb.1', 'sha256:bb', '2026-01-02', 2, Date.now() - 20 * hour);
  const withTrash = async (trashMs: number) => {
    const inspection = openInspection(stores.path, { ...stores.retention, trashMs });
    const report = planReport(await inspection.plan(10));
    await inspection.close();
    return report;
  };
  const { goes, waits, into_trash: intoTrash } = await withTrash(24 * hour);
  assert.deepEqual([goes.trash.total, goes.trash.bytes, waits.trash.total, intoTrash], [1, 5, 1, true]);
  assert.match(waits.trash.items[0]!.reason, /^in the trash since \d{4}-.*, by run 2$/);
  assert.ok(Math.abs(Date.parse(waits.trash.items[0]!.due) - Date.now() - 4 * hour) < 60_000);
  const off = await withTrash(0);
  assert.deepEqual([off.goes.trash.total, off.waits.trash.total, off.into_trash], [2, 0, false]);
});

test('plan: what waits says until when; lists are bounded, figures are not', async (t) => {
  const { stores, plan } = await asking(t);
  const layer = await stores.pushBlob('a');
  const manifests: Digest[] = [];
  for (const name of ['x', 'y', 'z'])
    manifests.push(await stores.putManifest('a', image(layer, [], { annotations: { name } })));
  const list = await stores.putManifest('a', index([manifests[0]!]));
  const { goes, waits } = await plan(2);
  assert.deepEqual([goes.manifests.total, goes.bytes, waits.manifests.total, waits.bytes], [0, 0, 4, 64]);
  assert.equal(waits.manifests.items.length, 2);
  const all = (await plan()).waits.manifests.items;
  const part = all.find(({ what }) => what.endsWith(manifests[0]!))!;
  assert.match(part.reason, new RegExp(`^part of the index ${list}, which goes; lease until `));
  const inAWeek = Date.now() + 7 * 24 * hour;
  for (const { due } of all) assert.ok(Math.abs(Date.parse(due) - inAWeek) < 60_000, due);
});
