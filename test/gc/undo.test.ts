import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type CoreClient, CoreUnreachable } from '../../gc/core-client.ts';
import { UndoRefused, undoRun } from '../../gc/undo-run.ts';
import { describe, image, index, putManifest } from '../registry-core/manifests.ts';
import { coreConfig } from '../registry-core/support.ts';
import { request, type Target } from '../support/http.ts';
import { describeBlob, digestOf, OCI_CONFIG, OCI_LAYER, pushBlob } from '../support/push.ts';
import { day, startWithTrash, type WithTrash } from './undo-support.ts';

interface Content {
  blobs: Buffer[];
  manifests: Buffer[];
}

/** An index of one image, and a signature of the image, in the order in which they can be pushed. */
function content(): Content {
  const [config, layer, signature] = [randomBytes(100), randomBytes(5000), randomBytes(200)];
  const child = image(describeBlob(OCI_CONFIG, config!), [describeBlob(OCI_LAYER, layer!)]);
  const referrer = image(describeBlob(OCI_CONFIG, signature!), [], { subject: describe(child) });
  return { blobs: [config!, layer!, signature!], manifests: [child, referrer, index([describe(child)])] };
}

async function push(target: Target, repository: string, { blobs, manifests }: Content): Promise<void> {
  for (const blob of blobs) await pushBlob(target, repository, blob);
  for (const manifest of manifests) {
    const answer = await putManifest(target, repository, digestOf(manifest), manifest);
    assert.equal(answer.status, 201, answer.text);
  }
}

const get = (target: Target, path: string, method = 'GET') =>
  request(target, { method, path: `/v2/${path}` });

async function assertThere(target: Target, repository: string, { blobs, manifests }: Content) {
  for (const [kind, list] of Object.entries({ blobs, manifests })) {
    for (const bytes of list) {
      const answer = await get(target, `${repository}/${kind}/${digestOf(bytes)}`);
      assert.equal(answer.status, 200, answer.text);
      assert.ok(answer.body.equals(bytes));
    }
  }
}

/** What a run removed, all of it: 3 blobs and 3 manifests of `team/app`. */
async function removed(registry: WithTrash): Promise<{ run: number; all: Content }> {
  const all = content();
  await push(registry.core, 'team/app', all);
  registry.age(100 * day);
  const report = await registry.collect();
  assert.deepEqual([report.manifests_deleted, report.blobs_swept, report.errors], [3, 3, []]);
  return { run: report.run!, all };
}

test('what a run removed comes back byte for byte, under new keys, and stays', async (t) => {
  const registry = await startWithTrash(t);
  const { core } = registry;
  const { run, all } = await removed(registry);
  const old = registry.rows('SELECT storage_key FROM trashed_blobs').map((row) => row['storage_key']);
  const report = await registry.undo(run);
  assert.deepEqual(
    [report.blobs, report.manifests, report.bytes, report.already_there, report.could_not],
    [3, 3, 5300, 0, []],
  );
  await assertThere(core, 'team/app', all);
  const keys = registry.rows('SELECT storage_key FROM blobs').map((row) => row['storage_key']);
  assert.equal(new Set([...old, ...keys]).size, 6);
  const after = await registry.collect();
  assert.deepEqual([after.manifests_deleted, after.blobs_swept, after.bytes_purged], [0, 0, 0]);
  await assertThere(core, 'team/app', all);
  assert.deepEqual(registry.rows('SELECT * FROM trashed_blobs'), []);
  const referrers = await get(core, `team/app/referrers/${digestOf(all.manifests[0]!)}`);
  assert.equal(referrers.json.manifests.length, 1);
});

test('undone twice: the second time all is there', async (t) => {
  const registry = await startWithTrash(t);
  const { run, all } = await removed(registry);
  await registry.undo(run);
  const report = await registry.undo(run);
  assert.deepEqual([report.blobs, report.manifests, report.could_not], [0, 0, []]);
  assert.equal(report.already_there, 6);
  await assertThere(registry.core, 'team/app', all);
});

test('what was brought back and is left alone goes again, and can be brought back again', async (t) => {
  const registry = await startWithTrash(t);
  const { run, all } = await removed(registry);
  await registry.undo(run);
  registry.age(100 * day);
  const again = await registry.collect();
  assert.equal(again.blobs_swept, 3);
  assert.deepEqual((await registry.undo(again.run)).could_not, []);
  await assertThere(registry.core, 'team/app', all);
});

test('cut off after any of its requests, and done again: nothing is missing, nothing is left over', async (t) => {
  const registry = await startWithTrash(t);
  const { run, all } = await removed(registry);
  const cutOff = (sends: number): CoreClient => {
    let left = sends;
    return {
      send: (...request) =>
        left-- > 0 ? registry.client.send(...request) : Promise.reject(new CoreUnreachable(undefined)),
      close() {},
    };
  };
  let last = run;
  for (let sends = 0; ; sends++) {
    assert.ok(sends < 100);
    const report = await registry.undo(last, cutOff(sends)).catch((error) => {
      assert.ok(error instanceof CoreUnreachable);
      return undefined;
    });
    assert.deepEqual((await registry.undo(last)).could_not, []);
    await assertThere(registry.core, 'team/app', all);
    if (report) break;
    registry.age(100 * day);
    const next = await registry.collect();
    assert.deepEqual([next.blobs_swept, next.manifests_deleted, next.errors], [3, 3, []]);
    last = next.run!;
  }
  registry.age(2 * day);
  await registry.collect();
  assert.deepEqual(registry.rows('SELECT * FROM upload_sessions'), []);
  assert.deepEqual(registry.rows('SELECT * FROM doomed_keys'), []);
});

test('people push the same digests and runs go on while it is undone', async (t) => {
  const registry = await startWithTrash(t);
  const { run, all } = await removed(registry);
  const [report] = await Promise.all([
    registry.undo(run),
    push(registry.core, 'team/app', all),
    push(registry.core, 'team/other', all),
    registry.collect().then(() => registry.collect()),
  ]);
  assert.deepEqual(report.could_not, []);
  await assertThere(registry.core, 'team/app', all);
  await assertThere(registry.core, 'team/other', all);
  assert.deepEqual((await registry.collect()).errors, []);
  await assertThere(registry.core, 'team/app', all);
});

test('two undo the same run at once', async (t) => {
  const registry = await startWithTrash(t);
  const { run, all } = await removed(registry);
  const reports = await Promise.all([registry.undo(run), registry.undo(run)]);
  assert.deepEqual(
    reports.flatMap((report) => report.could_not),
    [],
  );
  await assertThere(registry.core, 'team/app', all);
});

test('a blob that another repository still has is mounted from there', async (t) => {
  const registry = await startWithTrash(t);
  const all = content();
  await push(registry.core, 'team/app', all);
  registry.age(100 * day);
  await push(registry.core, 'team/other', all);
  const { run, links_deleted: links, blobs_swept: blobs } = await registry.collect();
  assert.deepEqual([links, blobs], [3, 0]);
  const report = await registry.undo(run);
  assert.deepEqual([report.blobs, report.bytes, report.could_not], [3, 0, []]);
  await assertThere(registry.core, 'team/app', all);
});

test('a manifest that a client deleted stays deleted; its blobs come back, and its push needs no upload', async (t) => {
  const registry = await startWithTrash(t);
  const { core } = registry;
  const all = content();
  await push(core, 'team/app', all);
  registry.age(100 * day);
  const [child, , list] = all.manifests;
  for (const manifest of [list!, child!]) {
    const answer = await get(core, `team/app/manifests/${digestOf(manifest)}`, 'DELETE');
    assert.equal(answer.status, 202);
  }
  const { run } = await registry.collect();
  await registry.undo(run);
  assert.equal((await get(core, `team/app/manifests/${digestOf(child!)}`)).status, 404);
  assert.equal((await putManifest(core, 'team/app', 'latest', child!)).status, 201);
  await assertThere(core, 'team/app', { ...all, manifests: all.manifests.slice(0, 2) });
});

test('a blob whose last link a client deleted comes back to the repository that had it', async (t) => {
  const registry = await startWithTrash(t);
  const { core } = registry;
  const bytes = randomBytes(100);
  const digest = await pushBlob(core, 'team/app', bytes);
  assert.equal((await get(core, `team/app/blobs/${digest}`, 'DELETE')).status, 202);
  const { run, blobs_swept: swept } = await registry.collect();
  assert.equal(swept, 1);
  assert.deepEqual((await registry.undo(run)).could_not, []);
  assert.ok((await get(core, `team/app/blobs/${digest}`)).body.equals(bytes));
});

test('without the journal nobody knows whose a deleted blob was, and that is said', async (t) => {
  const registry = await startWithTrash(t);
  const digest = await pushBlob(registry.core, 'team/app', randomBytes(100));
  await get(registry.core, `team/app/blobs/${digest}`, 'DELETE');
  const { run } = await registry.collect();
  registry.database.exec('DELETE FROM events');
  const { could_not: failures } = await registry.undo(run);
  assert.deepEqual(
    failures.map(({ what }) => what),
    [`blob ${digest}`],
  );
});

test('links that one run removed and blobs that the next one swept: either run can be undone', async (t) => {
  for (const which of [0, 1]) {
    const registry = await startWithTrash(t);
    const { collection, core } = registry;
    const all = content();
    await push(core, 'team/app', all);
    registry.age(100 * day);
    const cutOff = await collection.beginRun();
    // Until the links are gone: a collector that dies here leaves the blobs to the next.
    while (registry.rows('SELECT * FROM links').length > 0) await collection.mark(0);
    const next = await registry.collect();
    assert.equal(next.blobs_swept, 3);
    const report = await registry.undo([cutOff, next.run!][which]!);
    assert.deepEqual([report.blobs, report.could_not], [3, []]);
    await assertThere(core, 'team/app', which === 0 ? all : { ...all, manifests: [] });
  }
});

test('an index comes back with the parts that another run removed', async (t) => {
  const registry = await startWithTrash(t, { 'gc.trash': '30d' });
  const { core, database } = registry;
  const all = content();
  await push(core, 'team/app', all);
  registry.age(100 * day);
  const [child] = all.manifests;
  const later = Date.now() + 2 * day;
  database.prepare('UPDATE manifests SET lease_until = ? WHERE digest = ?').run(later, digestOf(child!));
  const first = await registry.collect();
  assert.equal(first.manifests_deleted, 1, 'the index alone');
  registry.age(3 * day - day / 2);
  const second = await registry.collect();
  assert.equal(second.manifests_deleted, 2);
  assert.deepEqual((await registry.undo(first.run)).could_not, []);
  await assertThere(core, 'team/app', {
    blobs: all.blobs.slice(0, 2),
    manifests: [child!, all.manifests[2]!],
  });
});

test('bytes damaged in the trash are found out; what needs them does not come back, the rest does', async (t) => {
  const registry = await startWithTrash(t);
  const { core, config } = registry;
  const { run, all } = await removed(registry);
  const [layer] = registry.rows('SELECT * FROM trashed_blobs WHERE size = 5000');
  const path = join(
    config['storage.root'],
    'trash',
    String(layer!['day']),
    String(layer!['storage_key']).slice(10),
  );
  for (const damage of [() => writeFileSync(path, randomBytes(5000)), () => truncateSync(path, 10)]) {
    damage();
    const report = await registry.undo(run);
    const names = report.could_not.map(({ what }) => what.split('@')[0]).sort();
    assert.deepEqual(names, ['blob team/app', 'manifest team/app', 'manifest team/app']);
    assert.match(report.could_not[0]!.why, /^400: the digest does not match/);
  }
  assert.equal((await get(core, `team/app/blobs/${digestOf(all.blobs[1]!)}`)).status, 404);
  await assertThere(core, 'team/app', {
    blobs: [all.blobs[0]!, all.blobs[2]!],
    manifests: [all.manifests[1]!],
  });
  assert.deepEqual(registry.rows('SELECT * FROM upload_sessions'), []);
});

test('of two copies in the trash the good one is taken', async (t) => {
  const registry = await startWithTrash(t);
  const { core, config } = registry;
  const bytes = randomBytes(100);
  const runs: (number | null)[] = [];
  for (let round = 0; round < 2; round++) {
    await pushBlob(core, 'team/app', bytes);
    registry.database.exec('UPDATE links SET lease_until = 1; UPDATE review SET due_at = 1');
    runs.push((await registry.collect()).run);
  }
  const copies = registry.rows('SELECT * FROM trashed_blobs ORDER BY trashed_at DESC');
  assert.equal(copies.length, 2);
  const { day: date, storage_key: key } = copies[0]!;
  rmSync(join(config['storage.root'], 'trash', String(date), String(key).slice(10)));
  assert.deepEqual((await registry.undo(runs[1]!)).could_not, []);
  assert.ok((await get(core, `team/app/blobs/${digestOf(bytes)}`)).body.equals(bytes));
});

test('what the trash has no longer is listed', async (t) => {
  const registry = await startWithTrash(t);
  const { run } = await removed(registry);
  registry.age(2 * day);
  await registry.collect();
  const report = await registry.undo(run);
  assert.deepEqual(
    report.could_not.map(({ what }) => what),
    [`run ${run}`],
  );
});

test('an undo of what never ran, and one without a registry, say so', async (t) => {
  const registry = await startWithTrash(t);
  await assert.rejects(undoRun(registry.config, 99), UndoRefused);
  const { run } = await removed(registry);
  const planned = await undoRun(registry.config, run, { dryRun: true });
  assert.deepEqual([planned.dry_run, planned.blobs, planned.manifests, planned.bytes], [true, 3, 3, 5300]);
  const alone = await coreConfig(t);
  await assert.rejects(undoRun({ ...registry.config, data: alone.data }, 1), /no run 1/);
});
