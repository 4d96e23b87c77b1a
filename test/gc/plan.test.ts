import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Inspection, openInspection, type PlanItems } from '../../registry-core/metadata/inspection.ts';
import { among, deletable, deleteTag, play, rows, steps, withStores } from './random-stores.ts';
import { hour, image, type Stores, subject } from './support.ts';

const all = 1_000_000;
/** Longer than a property takes, and far less than the hours between its steps. */
const slackMs = 60_000;
const parameters = { numRuns: 8 };

/** Everything that goes in the end, by name, with the time from which on a run takes it. */
function dueTimes({ goes, waits }: PlanItems): Map<string, number> {
  const entries = [goes, waits].flatMap(({ manifests, links, blobs }) => [
    ...manifests.items.map((item) => [`manifest ${item.repository}@${item.digest}`, item.dueAt] as const),
    ...links.items.map((item) => [`link ${item.repository}@${item.digest}`, item.dueAt] as const),
    ...blobs.items.map((item) => [`blob ${item.digest}`, item.dueAt] as const),
  ]);
  return new Map(entries);
}

/** The same names, of all that is in the store. */
function present(stores: Stores): Set<string> {
  const names = rows<{ name: string }>(
    stores,
    `SELECT 'manifest ' || r.name || '@' || digest AS name FROM manifests JOIN repositories r ON r.id = repository_id
     UNION ALL SELECT 'link ' || r.name || '@' || digest FROM links JOIN repositories r ON r.id = repository_id
     UNION ALL SELECT 'blob ' || digest FROM blobs`,
  );
  return new Set(names.map(({ name }) => name));
}

async function inspecting(stores: Stores, work: (inspection: Inspection) => Promise<void>): Promise<void> {
  const inspection = openInspection(stores.path, stores.retention);
  try {
    await work(inspection);
  } finally {
    await inspection.close();
  }
}

test('on any store a plan tells of each thing when it goes, and runs before and after that agree', async () => {
  const property = fc.asyncProperty(steps, (history) =>
    withStores((stores) =>
      inspecting(stores, async (inspection) => {
        for (const step of history) await play(stores, step);
        const started = Date.now();
        const due = dueTimes(await inspection.plan(all));
        const kept = [...present(stores)].filter((name) => !due.has(name));
        let passed = 0;
        for (const moment of checkpoints([...due.values()])) {
          const ahead = Math.max(0, moment - started - passed);
          stores.age(ahead);
          passed += ahead;
          await stores.collect();
          const there = present(stores);
          const now = started + passed;
          for (const [name, at] of due) {
            if (at < now - slackMs / 2) assert.ok(!there.has(name), `${name} is still there`);
            if (at > now + slackMs / 2) assert.ok(there.has(name), `${name} went ${at - now} ms too early`);
          }
        }
        stores.age(10_000 * hour);
        await stores.collect();
        assert.deepEqual([...present(stores)].sort(), kept.sort());
      }),
    ),
  );
  await fc.assert(property, parameters);
});

/** Just before and just after each time at which something goes. */
function checkpoints(times: number[]): number[] {
  return [...new Set(times)].sort((a, b) => a - b).flatMap((time) => [time - slackMs, time + slackMs]);
}

test('on any store what a plan lists is what a run counts', async () => {
  const property = fc.asyncProperty(steps, (history) =>
    withStores((stores) =>
      inspecting(stores, async (inspection) => {
        for (const step of history) await play(stores, step);
        const [now, inTheEnd] = [
          await stores.collection.plan(Date.now()),
          await stores.collection.plan(Number.POSITIVE_INFINITY),
        ];
        const { goes, waits } = await inspection.plan(all);
        assert.deepEqual(
          [goes.manifests.total, goes.links.total, goes.blobs.total, goes.blobs.bytes],
          [now.manifests.length, now.links, now.blobs, now.bytes],
        );
        assert.equal(goes.blobs.total + waits.blobs.total, inTheEnd.blobs);
        assert.equal(goes.blobs.bytes + waits.blobs.bytes, inTheEnd.bytes);
        const report = await stores.collect();
        assert.deepEqual(
          [report.manifests_deleted, report.links_deleted, report.blobs_swept, report.bytes_freed],
          [goes.manifests.total, goes.links.total, goes.blobs.total, goes.blobs.bytes],
        );
        assert.equal(report.held_bytes, waits.blobs.bytes);
      }),
    ),
  );
  await fc.assert(property, parameters);
});

test('on any store why and plan agree: what goes is kept by time alone, the rest by a tag in the end', async () => {
  const property = fc.asyncProperty(steps, (history) =>
    withStores((stores) =>
      inspecting(stores, async (inspection) => {
        for (const step of history) await play(stores, step);
        const now = Date.now();
        const due = dueTimes(await inspection.plan(all));
        for (const name of present(stores)) {
          const [, kind, repository, digest] = /^(\w+) (?:([^@]*)@)?(.*)$/.exec(name)!;
          if (kind === 'blob') continue;
          const why = await inspection.why({ repository, reference: { digest: digest! } }, all);
          const place = why?.places.find((found) => found.kind === (kind === 'link' ? 'blob' : 'manifest'));
          assert.ok(place, name);
          assert.equal(place.dueAt, due.get(name) ?? null, name);
          const keepers = place.chains.map(([keeper]) => keeper!);
          if (place.dueAt === null)
            assert.ok(
              keepers.some(({ kind }) => kind === 'tag'),
              name,
            );
          else assert.equal(lastEnd(keepers), place.dueAt > now ? place.dueAt : undefined, name);
          assert.equal(why!.blob?.dueAt ?? null, due.get(`blob ${digest}`) ?? null, name);
        }
      }),
    ),
  );
  await fc.assert(property, parameters);
});

function lastEnd(keepers: { kind: string }[]): number | undefined {
  const ends = keepers.map((keeper) => {
    assert.ok(keeper.kind === 'lease' || keeper.kind === 'untagged', keeper.kind);
    return (keeper as { until?: number }).until!;
  });
  return ends.length > 0 ? Math.max(...ends) : undefined;
}

test('a DELETE of a tag: what goes along with the manifest goes no earlier than that', async () => {
  await withStores(async (stores) => {
    const layer = await stores.pushBlob('a');
    const signed = await stores.putManifest('a', image(layer, []), 'latest');
    await stores.putManifest('a', image(await stores.pushBlob('a'), [], subject(signed)));
    stores.age(100 * hour);
    const { heldBytes, nextDue } = await stores.registry.deleteTag('a', 'latest', stores.context);
    assert.equal(heldBytes, 128);
    assert.ok(Math.abs(nextDue! - Date.now() - 7 * 24 * hour) < slackMs);
  });
});

/** Tags for all manifests that go in the end: a DELETE tells only of what hangs on its own target. */
function keepWhatWaits(stores: Stores, { goes, waits }: PlanItems): void {
  const tag = stores.database.prepare(
    `INSERT INTO tags (repository_id, name, digest, updated_at, actor, request_id, client_address)
     SELECT repository_id, 'kept-' || m.id, digest, 0, '-', '-', '-' FROM manifests m
     JOIN repositories r ON r.id = m.repository_id WHERE r.name = ? AND m.digest = ?`,
  );
  for (const { repository, digest } of [...goes.manifests.items, ...waits.manifests.items])
    tag.run(repository, digest);
}

test('on any store a DELETE answers what a plan then says of all that it released', async () => {
  const deletion = fc.record({ isTag: fc.boolean(), choice: fc.nat(1000) });
  const property = fc.asyncProperty(steps, deletion, (history, { isTag, choice }) =>
    withStores((stores) =>
      inspecting(stores, async (inspection) => {
        for (const step of history) await play(stores, step);
        keepWhatWaits(stores, await inspection.plan(all));
        const before = dueTimes(await inspection.plan(all));
        const target = among(deletable(stores), choice);
        const answer = isTag
          ? await deleteTag(stores, choice)
          : target && (await stores.deleteManifest(target.repository, target.digest));
        if (!answer) return;
        const plan = await inspection.plan(all);
        const sizes = new Map(
          [...plan.goes.blobs.items, ...plan.waits.blobs.items].map((blob) => [
            `blob ${blob.digest}`,
            blob.size,
          ]),
        );
        const released = [...dueTimes(plan)].filter(
          ([name]) => !before.has(name) && !name.startsWith('link'),
        );
        const bytes = released.reduce((sum, [name]) => sum + (sizes.get(name) ?? 0), 0);
        assert.equal(answer.heldBytes, bytes);
        const earliest = Math.min(...released.map(([, at]) => at));
        if (released.length === 0) assert.equal(answer.nextDue, undefined);
        else
          assert.ok(
            Math.abs(answer.nextDue! - Math.max(earliest, plan.at)) < slackMs,
            `${answer.nextDue! - earliest} ms off`,
          );
      }),
    ),
  );
  await fc.assert(property, { numRuns: 15 });
});
