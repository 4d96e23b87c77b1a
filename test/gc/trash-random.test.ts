import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { runCollection } from '../../gc/index.ts';
import { createLog } from '../../runtime/log.ts';
import { image, putManifest } from '../registry-core/manifests.ts';
import { request, type Target } from '../support/http.ts';
import { describeBlob, digestOf, OCI_CONFIG, OCI_LAYER, pushBlob } from '../support/push.ts';
import { day, startWithTrash, type WithTrash } from './undo-support.ts';

const rounds = 25;
const log = createLog('test', 'silent');
/** Few contents, so that what is pushed has often just been condemned, trashed or brought back. */
const pool = Array.from({ length: 6 }, (_, index) => Buffer.from(`${index}`.repeat(1000 + index)));
const some = () => pool[randomInt(pool.length)]!;
const repositories = ['a', 'b'];
const repository = () => repositories[randomInt(2)]!;

/** Tags that were acknowledged and not given up since, by their path. */
type Kept = Map<string, Buffer>;

async function push(target: Target, kept: Kept, tag: string | undefined): Promise<void> {
  const name = repository();
  const [config, layer] = [some(), some()];
  for (const blob of [config, layer]) await pushBlob(target, name, blob);
  const manifest = image(describeBlob(OCI_CONFIG, config), [describeBlob(OCI_LAYER, layer)]);
  const answer = await putManifest(target, name, tag ?? digestOf(manifest), manifest);
  assert.equal(answer.status, 201, answer.text);
  if (tag) kept.set(`/v2/${name}/manifests/${tag}`, manifest);
}

async function removeTag(target: Target, kept: Kept): Promise<void> {
  const paths = [...kept.keys()];
  if (paths.length < 3) return;
  const path = paths[randomInt(paths.length)]!;
  kept.delete(path);
  assert.equal((await request(target, { method: 'DELETE', path })).status, 202);
}

async function assertPulls(target: Target, kept: Kept, round: number): Promise<void> {
  for (const [path, manifest] of kept) {
    const answer = await request(target, { path });
    assert.ok(answer.body.equals(manifest), `round ${round}: ${path}: ${answer.text.slice(0, 200)}`);
    const { config, layers } = answer.json;
    for (const { digest } of [config, ...layers]) {
      const blob = await request(target, { path: `${path.split('/manifests/')[0]}/blobs/${digest}` });
      assert.equal(digestOf(blob.body), digest, `round ${round}: ${path}: ${blob.status}`);
    }
  }
}

async function filesOf(root: string): Promise<string[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isFile())
    .map(({ name }) => name)
    .sort();
}

/** Nothing is condemned or doomed, and every file of blobs and trash has its row, every row its file. */
async function assertNamed({ config, rows }: WithTrash): Promise<void> {
  const names = (sql: string) =>
    rows(sql)
      .map((row) => String(row['storage_key']).split('/').at(-1))
      .sort();
  assert.deepEqual(names("SELECT storage_key FROM blobs WHERE state = 'condemned'"), []);
  assert.deepEqual(names('SELECT storage_key FROM doomed_keys'), []);
  const root = config['storage.root'];
  assert.deepEqual(await filesOf(join(root, 'trash')), names('SELECT storage_key FROM trashed_blobs'));
  assert.deepEqual(await filesOf(join(root, 'blobs')), names('SELECT storage_key FROM blobs'));
  assert.deepEqual(await filesOf(join(root, 'uploads')), []);
}

test('pushes, deletions, runs with a trash and undos of any of them, side by side, round after round', async (t) => {
  // What a run took is there for one further round.
  const registry = await startWithTrash(t, { 'gc.trash': '150d' });
  const { core, config } = registry;
  const kept: Kept = new Map();
  const undone = { blobs: 0, manifests: 0 };
  for (let round = 1; round <= rounds; round++) {
    registry.age(100 * day);
    const undo = async () => {
      const report = await registry.undo(round - randomInt(1, 3));
      undone.blobs += report.blobs;
      undone.manifests += report.manifests;
    };
    const [{ errors }] = await Promise.all([
      runCollection(config, { dryRun: false, log }),
      push(core, kept, `t${round}`),
      push(core, kept, undefined),
      removeTag(core, kept),
      ...(round > 2 ? [undo(), undo()] : []),
    ]);
    assert.deepEqual(errors, []);
    await assertPulls(core, kept, round);
  }
  assert.ok(undone.blobs > 0 && undone.manifests > 0, JSON.stringify(undone));
  registry.age(100 * day);
  assert.deepEqual((await runCollection(config, { dryRun: false, log })).errors, []);
  await assertNamed(registry);
  await assertPulls(core, kept, rounds);
  await runCollection({ ...config, 'gc.trash': 0 }, { dryRun: false, log });
  assert.deepEqual(registry.rows('SELECT * FROM trashed_blobs'), []);
  await assertNamed(registry);
});
