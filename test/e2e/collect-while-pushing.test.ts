import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { Report } from '../../gc/index.ts';
import { callControl } from '../../runtime/control.ts';
import { openDatabase } from '../../runtime/sqlite.ts';
import { type Gatehouse, startGatehouse } from '../support/gatehouse.ts';
import type { Target } from '../support/http.ts';
import { assertSettled } from './crash-support.ts';
import { pull, push, remove, retag } from './soak-clients.ts';
import { makeRecipes, type Recipe, repositories } from './soak-recipes.ts';

const LEASE_MS = 5000;
const CLIENTS = 4;
const RECIPES = 120;
// Over when all of it has happened so often, or at the deadline; then the checks at the end decide.
const ENOUGH = { pushes: 400, swept: 100, again: 50 };
const DEADLINE_MS = 60_000;

/** A recipe and where it stands. One client at a time has it, so what is expected is never in doubt. */
interface Slot {
  recipe: Recipe;
  state: 'absent' | 'stored';
  busy: boolean;
  /** Left alone until then, longer than a lease for some, so that collections find something. */
  restUntil: number;
}

test('pushes and pulls while collections run without a pause: none refused, none broken', async (t) => {
  const env = { GATEHOUSE_GC_LEASE: `${LEASE_MS}ms`, GATEHOUSE_AUTH_BCRYPT_COST: '8' };
  const gatehouse = await startGatehouse(t, { env });
  const slots = makeRecipes(RECIPES).map(
    (recipe): Slot => ({ recipe, state: 'absent', busy: false, restUntil: 0 }),
  );
  const counts = { pushes: 0, slow: 0, pulls: 0, deletes: 0, retags: 0 };
  const stop = new AbortController();
  const collecting = startCollections(gatehouse, stop.signal);
  const deadline = performance.now() + DEADLINE_MS;
  const isOver = () => {
    const { swept, again } = collecting.seen();
    const enough = counts.pushes >= ENOUGH.pushes && swept >= ENOUGH.swept && again >= ENOUGH.again;
    return stop.signal.aborted || enough || performance.now() > deadline;
  };
  const clients = Array.from({ length: CLIENTS }, () => runClient(gatehouse, slots, counts, isOver));
  try {
    await Promise.all(clients);
  } finally {
    stop.abort();
    await Promise.allSettled(clients);
  }
  const { runs, swept, again } = await collecting.ended;
  t.diagnostic(JSON.stringify({ ...counts, runs, swept, again }));
  for (const { recipe, state } of slots) if (state === 'stored') await pull(gatehouse, recipe);
  assert.ok(counts.pulls > 0 && counts.deletes > 0 && counts.retags > 0, 'every kind of work was done');
  assert.ok(swept > 0, 'no collection removed anything: nothing is proved');
  assert.ok(again > 0, 'nothing was pushed again after it was removed: nothing is proved');
  await assertSettled(gatehouse);
  for (const { recipe, state } of slots) if (state === 'stored') await pull(gatehouse, recipe);
});

async function runClient(
  target: Target,
  slots: Slot[],
  counts: { pushes: number; slow: number; pulls: number; deletes: number; retags: number },
  isOver: () => boolean,
): Promise<void> {
  while (!isOver()) {
    const free = slots.filter(({ busy, restUntil }) => !busy && restUntil <= performance.now());
    const slot = free[randomInt(Math.max(1, free.length))];
    if (!slot) {
      await delay(10);
      continue;
    }
    slot.busy = true;
    const choice =
      slot.state === 'absent' ? 'push' : (['pull', 'retag', 'delete', 'delete'] as const)[randomInt(4)]!;
    try {
      if (choice === 'push') counts[(await tryPush(target, slot)) ? 'pushes' : 'slow']++;
      else if (choice === 'pull') await pull(target, slot.recipe).then(() => counts.pulls++);
      else if (choice === 'retag')
        await retag(target, slot.recipe, `r${randomInt(20)}`).then(() => counts.retags++);
      else await removeAndRest(target, slot).then(() => counts.deletes++);
    } finally {
      slot.busy = false;
    }
  }
}

/** @returns false for a push that took longer than half a lease: nobody was promised anything for so long. */
async function tryPush(target: Target, slot: Slot): Promise<boolean> {
  const startedAt = performance.now();
  const isSlow = () => performance.now() - startedAt > LEASE_MS / 2;
  try {
    await push(target, slot.recipe, repositories[randomInt(repositories.length)]!);
  } catch (error) {
    if (!isSlow()) throw error;
  }
  slot.state = 'stored';
  if (!isSlow()) return true;
  // It may have been refused for that reason, rightly: it is as if it was never tried.
  await remove(target, slot.recipe).catch(() => {});
  slot.state = 'absent';
  return false;
}

async function removeAndRest(target: Target, slot: Slot): Promise<void> {
  await remove(target, slot.recipe);
  slot.state = 'absent';
  slot.restUntil = performance.now() + randomInt(2 * LEASE_MS);
}

/** One collection after the other, and after each a look at what came and went. */
function startCollections(gatehouse: Gatehouse, signal: AbortSignal) {
  const socket = join(gatehouse.data, 'run', 'gc.sock');
  const database = openDatabase(join(gatehouse.data, 'registry.db'));
  const digests = database.prepare("SELECT digest FROM blobs WHERE state = 'present'").pluck();
  const [gone, again] = [new Set<string>(), new Set<string>()];
  let here = new Set<string>();
  let [runs, swept] = [0, 0];
  const look = () => {
    const now = new Set(digests.all() as string[]);
    for (const digest of here) if (!now.has(digest)) gone.add(digest);
    for (const digest of now) if (gone.has(digest)) again.add(digest);
    here = now;
  };
  const seen = () => ({ runs, swept, again: again.size });
  const run = async () => {
    while (!signal.aborted) {
      const report = (await callControl(socket, 'POST', '/run')) as Report;
      assert.deepEqual(report.errors, []);
      runs++;
      swept += report.blobs_swept;
      look();
    }
    return seen();
  };
  const ended = run().finally(() => database.close());
  ended.catch(() => {});
  return { seen, ended };
}
