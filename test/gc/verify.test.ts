import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { Progress } from '../../gc/progress.ts';
import { openVerification } from '../../registry-core/metadata/verification.ts';
import { replacing } from '../registry-core/support.ts';
import { bytesBelow } from '../support/files.ts';
import { hour, image, index, openStores, type Stores, subject } from './support.ts';
import { fileOf, problemsOf, rowsOfAll, verifyStores } from './verify-support.ts';

async function oneImage(stores: Stores) {
  const bytes = Buffer.from('the layer of an image');
  const layer = await stores.pushBlob('a', bytes);
  const config = await stores.pushBlob('a', Buffer.from('{}'));
  const manifest = await stores.putManifest('a', image(config, [layer]), 'latest');
  return { bytes, layer, config, manifest };
}

test('a sound store: nothing is found, nothing changes, everything was looked at', async (t) => {
  const stores = await openStores(t);
  const { manifest } = await oneImage(stores);
  await stores.putManifest('a', index([manifest], subject(manifest)), 'all');
  await stores.uploads.open('a', 'sha256', stores.context);
  const before = rowsOfAll(stores);
  const report = await verifyStores(stores);
  assert.deepEqual(report.findings, []);
  assert.deepEqual(
    [report.manifests, report.blobs, report.files, report.bytes_read, report.left],
    [2, 2, 3, 23, 0],
  );
  assert.deepEqual(rowsOfAll(stores), before);
});

const damages: [what: string, problem: string, quick: boolean, damage: (path: string) => Promise<void>][] = [
  [
    'a flipped byte',
    'digest',
    false,
    async (path) => {
      const bytes = await readFile(path);
      bytes[3]! ^= 1;
      await writeFile(path, bytes);
    },
  ],
  ['a file cut short', 'size', true, (path) => truncate(path, 5)],
  ['an empty file', 'size', true, (path) => truncate(path, 0)],
  ['a missing file', 'missing', true, (path) => rm(path)],
  [
    'a directory in its place',
    'size',
    true,
    async (path) => {
      await rm(path);
      await mkdir(path);
    },
  ],
];

for (const [what, problem, isSeenQuickly, damage] of damages) {
  test(`${what} is found, marked with --repair, and healed by the next push`, async (t) => {
    const stores = await openStores(t);
    const { bytes, layer } = await oneImage(stores);
    await damage(await fileOf(stores, layer));
    const before = rowsOfAll(stores);
    assert.deepEqual(problemsOf(await verifyStores(stores)), [[problem, layer, 'found']]);
    assert.equal((await verifyStores(stores, { quick: true })).left, isSeenQuickly ? 1 : 0);
    assert.deepEqual(rowsOfAll(stores), before);
    assert.ok(await stores.headBlob('a', layer));
    assert.deepEqual(problemsOf(await verifyStores(stores, { repair: true })), [[problem, layer, 'marked']]);
    assert.ok(!(await stores.headBlob('a', layer)), 'nobody is told any more that it exists');
    assert.deepEqual(problemsOf(await verifyStores(stores, { repair: true })), [['damaged', layer, 'found']]);
    await stores.pushBlob('a', bytes);
    assert.ok(await stores.readable('a', layer));
  });
}

test('a file that cannot be read (EISDIR behind the right size) is one bad file, the others are looked at', async (t) => {
  const stores = await openStores(t);
  const { layer, config } = await oneImage(stores);
  const path = await fileOf(stores, layer);
  await rm(path);
  await mkdir(path);
  const { size } = await stat(path);
  stores.database.prepare('UPDATE blobs SET size = ? WHERE digest = ?').run(size, layer);
  await truncate(await fileOf(stores, config), 1);
  const report = await verifyStores(stores, { repair: true });
  assert.deepEqual(problemsOf(report).sort(), [
    ['size', config, 'marked'],
    ['unreadable', layer, 'marked'],
  ]);
});

test('a blob marked as damaged whose file is whole again is taken back, its bytes read even with --quick', async (t) => {
  const stores = await openStores(t);
  const { layer } = await oneImage(stores);
  const path = await fileOf(stores, layer);
  const bytes = await readFile(path);
  await rm(path);
  await verifyStores(stores, { repair: true });
  await writeFile(path, Buffer.from(bytes).fill(0));
  assert.deepEqual(problemsOf(await verifyStores(stores, { quick: true, repair: true })), [
    ['damaged', layer, 'found'],
  ]);
  await writeFile(path, bytes);
  assert.deepEqual(problemsOf(await verifyStores(stores)), [['recovered', layer, 'found']]);
  assert.deepEqual(problemsOf(await verifyStores(stores, { quick: true, repair: true })), [
    ['recovered', layer, 'repaired'],
  ]);
  assert.ok(await stores.readable('a', layer));
});

test('files that no row names are found, and gone after a repair and a run; foreign ones stay', async (t) => {
  const stores = await openStores(t);
  const { layer } = await oneImage(stores);
  const key = stores.store.newKey(layer);
  const upload = randomUUID();
  const trashed = `${layer.slice('sha256:'.length)}.0123456789abcdef0123`;
  const trashKey = `sha256/${trashed.slice(0, 2)}/${trashed}`;
  for (const path of [
    `blobs/${key}`,
    `uploads/${upload}`,
    `trash/2026-01-02/${trashed}`,
    'blobs/sha256/notes.txt',
  ]) {
    await mkdir(dirname(join(stores.root, path)), { recursive: true });
    await writeFile(join(stores.root, path), 'nobody knows me');
  }
  const expected = (outcome: string) => [
    ['foreign', 'blobs/sha256/notes.txt', 'found'],
    ['unnamed', `blobs/${key}`, outcome],
    ['unnamed', `trash of 2026-01-02: ${trashKey}`, outcome],
    ['unnamed', `uploads/${upload}`, outcome],
  ];
  assert.deepEqual(problemsOf(await verifyStores(stores)).sort(), expected('found'));
  assert.deepEqual(problemsOf(await verifyStores(stores, { minAgeMs: 60_000 })), [
    ['foreign', 'blobs/sha256/notes.txt', 'found'],
  ]);
  assert.deepEqual(problemsOf(await verifyStores(stores, { repair: true })).sort(), expected('repaired'));
  await stores.collect();
  assert.deepEqual(problemsOf(await verifyStores(stores)), [['foreign', 'blobs/sha256/notes.txt', 'found']]);
  assert.ok(await stores.readable('a', layer));
  assert.equal(await bytesBelow(join(stores.root, 'blobs')), 23 + 'nobody knows me'.length);
});

test('a directory that cannot be listed is told of, and the others are listed', async (t) => {
  const stores = await openStores(t);
  await oneImage(stores);
  await rm(join(stores.root, 'uploads'), { recursive: true });
  await writeFile(join(stores.root, 'uploads'), 'no directory');
  const report = await verifyStores(stores);
  assert.deepEqual(problemsOf(report), [['unreadable', 'uploads', 'found']]);
  assert.equal(report.files, 3);
});

test('every name that a row gives counts: sessions, closing keys, doomed and trashed files', async (t) => {
  const stores = await openStores(t);
  const { layer } = await oneImage(stores);
  const session = await stores.uploads.open('a', 'sha256', stores.context);
  const keys = [stores.store.newKey(layer), stores.store.newKey(layer), stores.store.newKey(layer)];
  for (const key of keys) await writeFile(join(stores.root, 'blobs', key), 'named');
  const [closing, doomed, trashed] = keys;
  const upload = randomUUID();
  await writeFile(join(stores.root, 'uploads', upload), 'doomed');
  const { database } = stores;
  database
    .prepare("UPDATE upload_sessions SET state = 'closing', closing_key = ?, closing_digest = ? WHERE id = ?")
    .run(closing, layer, session.id);
  database.prepare("INSERT INTO doomed_keys VALUES ('blob', ?, 0)").run(doomed);
  database
    .prepare(
      "INSERT INTO trashed_blobs (storage_key, digest, size, day, run, trashed_at) VALUES (?, ?, 5, '2026-01-02', 1, 0)",
    )
    .run(trashed, layer);
  database.prepare("INSERT INTO doomed_keys VALUES ('upload', ?, 0)").run(upload);
  assert.deepEqual(problemsOf(await verifyStores(stores)), []);
  database.exec('DELETE FROM doomed_keys; DELETE FROM trashed_blobs; DELETE FROM upload_sessions');
  assert.equal((await verifyStores(stores)).problems.unnamed, 5);
});

test('a file of the trash that is missing or cut short is told of; a repair forgets the missing one', async (t) => {
  const stores = await openStores(t, { trashMs: hour });
  const { root, database } = stores;
  const shortBytes = Buffer.from('the bytes of a blob');
  const [lost, short] = [await stores.pushBlob('a'), await stores.pushBlob('b', shortBytes)];
  await stores.pushBlob('c');
  stores.age(30 * 24 * hour);
  await stores.collect();
  assert.deepEqual(problemsOf(await verifyStores(stores)), []);
  const placeOf = (digest: string) => {
    const row = database
      .prepare('SELECT storage_key AS key, day FROM trashed_blobs WHERE digest = ?')
      .get(digest);
    const { key, day } = row as { key: string; day: string };
    return join(root, 'trash', day, key.split('/').at(-1)!);
  };
  await rm(placeOf(lost));
  await truncate(placeOf(short), 5);
  const found = (repair: boolean) => verifyStores(stores, { repair }).then(problemsOf);
  const all = (outcome: string) =>
    [lost, short].toSorted().map((digest) => ['trash', digest, digest === lost ? outcome : 'found']);
  assert.deepEqual(await found(false), all('found'));
  assert.deepEqual(await found(true), all('repaired'));
  assert.deepEqual(await found(false), [['trash', short, 'found']]);
  await stores.pushBlob('b', shortBytes);
  assert.deepEqual(await found(false), [], 'what was pushed again needs no trash');
});

test('a manifest whose bytes changed is not handed out any more after a repair, and the next push heals it', async (t) => {
  const stores = await openStores(t);
  const { layer, config, manifest } = await oneImage(stores);
  stores.database.exec(
    "UPDATE manifests SET content = CAST(replace(content, 'schemaVersion', 'schemaversion') AS BLOB)",
  );
  assert.deepEqual(problemsOf(await verifyStores(stores, { repair: true })), [
    ['manifest', `a@${manifest}`, 'marked'],
  ]);
  assert.ok(!(await stores.headManifest('a', manifest)));
  assert.deepEqual(problemsOf(await verifyStores(stores)), [['damaged', `a@${manifest}`, 'found']]);
  assert.equal(await stores.putManifest('a', image(config, [layer])), manifest);
  assert.deepEqual(problemsOf(await verifyStores(stores)), []);
});

test('rows of references that a manifest’s bytes do not bear out are made anew, and what they held is reviewed', async (t) => {
  const stores = await openStores(t);
  const { layer, config, manifest } = await oneImage(stores);
  const other = await stores.pushBlob('a');
  const list = await stores.putManifest('a', index([manifest]), 'all');
  stores.age(1000 * 3_600_000);
  const { database } = stores;
  database.prepare('UPDATE manifest_blobs SET digest = ? WHERE digest = ?').run(other, layer);
  database.exec('DELETE FROM manifest_children');
  await stores.collect();
  const found = problemsOf(await verifyStores(stores));
  assert.deepEqual(
    found.filter(([problem]) => problem === 'references').map(([, what]) => what),
    [`a@${manifest}`, `a@${list}`],
  );
  await verifyStores(stores, { repair: true });
  const edges = database.prepare('SELECT digest FROM manifest_blobs ORDER BY digest').all();
  assert.deepEqual(
    edges,
    [layer, config].sort().map((digest) => ({ digest })),
  );
  assert.equal(database.prepare('SELECT count(*) AS count FROM manifest_children').pluck().get(), 1);
  await stores.collect();
  assert.ok(!(await stores.readable('a', other)), 'what the wrong row held is gone');
});

test('what a wrong row held is reviewed in the transaction that removes the row', async (t) => {
  const stores = await openStores(t);
  const { layer, config, manifest } = await oneImage(stores);
  const other = await stores.pushBlob('a');
  stores.database.prepare('UPDATE manifest_blobs SET digest = ? WHERE digest = ?').run(other, layer);
  stores.age(1000 * 3_600_000);
  await stores.collect();
  const verification = openVerification(stores.path, stores.retention);
  const id = stores.database.prepare('SELECT id FROM manifests').pluck().get() as number;
  const references = { blobs: [layer, config], children: [] };
  assert.ok(await verification.repairs.remakeEdges(id, manifest, references));
  assert.ok(!(await verification.repairs.remakeEdges(id, manifest, references)), 'nothing is left to do');
  await verification.close();
  await stores.collect();
  assert.ok(!(await stores.readable('a', other)));
});

test('a link that a manifest needs is made again; a blob that is not there is told of', async (t) => {
  const stores = await openStores(t);
  const { layer, config } = await oneImage(stores);
  stores.database.prepare('DELETE FROM links WHERE digest = ?').run(layer);
  assert.deepEqual(problemsOf(await verifyStores(stores)), [
    ['link', `a@${layer}`, 'found'],
    ['forgotten', layer, 'found'],
  ]);
  assert.equal((await verifyStores(stores, { repair: true })).left, 0);
  assert.ok(await stores.readable('a', layer));
  stores.database.prepare('DELETE FROM links WHERE digest = ?').run(config);
  await rm(await fileOf(stores, config));
  stores.database.prepare('DELETE FROM blobs WHERE digest = ?').run(config);
  assert.deepEqual(problemsOf(await verifyStores(stores, { repair: true })), [
    ['missing', `a@${config}`, 'found'],
  ]);
});

test('a manifest that an index lists and the repository has lost is told of, unless indexes may be sparse', async (t) => {
  const stores = await openStores(t);
  const { manifest } = await oneImage(stores);
  await stores.putManifest('a', index([manifest]), 'all');
  stores.database.exec("DELETE FROM tags WHERE name = 'latest'; DELETE FROM manifests WHERE kind = 'image'");
  const problems = async (sparse: boolean) => problemsOf(await verifyStores(stores, { sparse }));
  assert.deepEqual(await problems(false), [['missing', `a@${manifest}`, 'found']]);
  assert.deepEqual(await problems(true), []);
});

test('what no run would ever look at is remembered, and goes', async (t) => {
  const stores = await openStores(t);
  const layer = await stores.pushBlob('a');
  const forgotten = await stores.putManifest('a', image(layer, []));
  const alone = await stores.pushBlob('b');
  stores.age(1000 * 3_600_000);
  stores.database.exec('DELETE FROM review');
  assert.equal((await stores.collect()).manifests_deleted, 0);
  assert.deepEqual(problemsOf(await verifyStores(stores, { repair: true })), [
    ['forgotten', `a@${forgotten}`, 'repaired'],
    ['forgotten', `b@${alone}`, 'repaired'],
  ]);
  const report = await stores.collect();
  assert.deepEqual([report.manifests_deleted, report.blobs_swept], [1, 2]);
});

test('a row that refers to nothing is what the database check finds', async (t) => {
  const stores = await openStores(t);
  const { layer } = await oneImage(stores);
  stores.database.pragma('foreign_keys = OFF');
  stores.database.prepare('INSERT INTO links VALUES (4711, ?, 0, 0)').run(layer);
  const report = await verifyStores(stores);
  assert.equal(report.problems.database, 1);
  assert.match(report.findings[0]!.message, /links refers to one of repositories/);
});

test('a place without any file is refused to be repaired: a disk may not be mounted', async (t) => {
  const stores = await openStores(t);
  for (let count = 0; count < 11; count++) await stores.pushBlob('a');
  await rm(join(stores.root, 'blobs'), { recursive: true });
  await assert.rejects(verifyStores(stores, { repair: true }), /storage\.root/);
  assert.equal((await verifyStores(stores)).problems.missing, 11);
  assert.equal(
    stores.database.prepare("SELECT count(*) FROM blobs WHERE state = 'damaged'").pluck().get(),
    0,
  );
});

test('a blob pushed while the files are listed has its name: names are looked for afterwards', async (t) => {
  const stores = await openStores(t);
  await oneImage(stores);
  const { store } = stores;
  const pushedMeanwhile = replacing(store, {
    async *list() {
      await stores.pushBlob('a');
      await stores.uploads.open('a', 'sha256', stores.context);
      yield* store.list();
    },
  });
  assert.deepEqual(problemsOf(await verifyStores({ ...stores, store: pushedMeanwhile })), []);
});

test('a file that a run removes after it was listed is no unnamed one', async (t) => {
  const stores = await openStores(t);
  await stores.pushBlob('a');
  const { store } = stores;
  const sweptMeanwhile = replacing(store, {
    async *list() {
      for await (const file of store.list()) {
        stores.age(1000 * 3_600_000);
        await stores.collect();
        yield file;
      }
    },
  });
  const report = await verifyStores({ ...stores, store: sweptMeanwhile });
  assert.deepEqual([problemsOf(report), report.files], [[], 1]);
});

test('a file that gets its name after it was asked for is asked for once more', async (t) => {
  const stores = await openStores(t);
  const { layer } = await oneImage(stores);
  const key = stores.store.newKey(layer);
  await writeFile(join(stores.root, 'blobs', key), 'named a moment later');
  const name = stores.database.prepare("INSERT OR IGNORE INTO doomed_keys VALUES ('blob', ?, 0)");
  class NamingMeanwhile extends Progress {
    override advance(count: number): void {
      if (this.report().phase === 'looking for unnamed files') name.run(key);
      super.advance(count);
    }
  }
  assert.deepEqual(problemsOf(await verifyStores(stores, { progress: new NamingMeanwhile() })), []);
});

test('a blob that is swept and pushed again while its file is looked for is no missing one', async (t) => {
  const stores = await openStores(t);
  const bytes = Buffer.from('swept and pushed again');
  const digest = await stores.pushBlob('a', bytes);
  const { store } = stores;
  let calls = 0;
  const sweptMeanwhile = replacing(store, {
    async size(key: string) {
      if (calls++ === 0) {
        stores.age(1000 * 3_600_000);
        await stores.collect();
        await stores.pushBlob('a', bytes);
      }
      return store.size(key);
    },
  });
  assert.deepEqual(
    problemsOf(await verifyStores({ ...stores, store: sweptMeanwhile }, { repair: true })),
    [],
  );
  assert.ok(await stores.readable('a', digest));
});

test('a repair dooms no file that got a name since it was looked for', async (t) => {
  const stores = await openStores(t);
  const { layer } = await oneImage(stores);
  const row = stores.database.prepare('SELECT storage_key AS key FROM blobs WHERE digest = ?').get(layer);
  const verification = openVerification(stores.path, stores.retention);
  assert.ok(!(await verification.repairs.doomUnnamed({ place: 'blob', ...(row as { key: string }) })));
  await verification.close();
  await stores.collect();
  assert.ok(await stores.readable('a', layer));
});

test('a repair while people push, delete and collect finds nothing and breaks nothing', async (t) => {
  const stores = await openStores(t);
  const kept: Buffer[] = [];
  let isOver = false;
  const busy = (async () => {
    for (let round = 0; round < 12; round++) {
      const bytes = Buffer.from(`layer ${round}`);
      const layer = await stores.pushBlob('a', bytes);
      const manifest = await stores.putManifest('a', image(layer, []), `t${round}`);
      if (round % 2 === 0) kept.push(bytes);
      else await stores.deleteManifest('a', manifest);
      stores.age(25 * 3_600_000);
      await stores.collect();
      if (round % 2 === 1) await stores.pushBlob('a', bytes);
    }
    isOver = true;
  })();
  let verifications = 0;
  while (!isOver) {
    const report = await verifyStores(stores, { repair: true });
    assert.deepEqual(report.findings, []);
    verifications++;
  }
  await busy;
  assert.ok(verifications > 1);
  for (const bytes of kept) {
    const digest = await stores.pushBlob('b', bytes);
    assert.ok(await stores.readable('a', digest));
  }
});
