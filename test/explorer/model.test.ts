import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { assertSafe, bounds } from './assert-safe.ts';
import { explore } from './explore.ts';
import { assertAlike } from './lockstep.ts';
import { modelWorld } from './model-world.ts';
import type { Operation } from './operations.ts';
import { RealWorld } from './real.ts';
import { largeScenes, mediumScenes, namedScene } from './scenes.ts';

// Every order of every step in the model; then ways through it, short and long, on the real store.

for (const { name, actors } of [namedScene, ...mediumScenes, ...(bounds === 'large' ? largeScenes : [])]) {
  test(`the model, every order: ${name}`, async (t) => {
    const exploration = await explore(modelWorld(), { actors: actors() });
    assertSafe(t, exploration);
    await replay(t, exploration.samples);
  });
}

async function replay(t: TestContext, ways: readonly Operation[][]): Promise<void> {
  const real = await RealWorld.open(t);
  const model = modelWorld();
  let steps = 0;
  for (const way of ways) {
    real.restart();
    let state = model.start;
    for (const operation of way) {
      const actual = await real.step(operation);
      await assertAlike(model, state, operation, actual);
      state = actual.next;
      steps++;
    }
  }
  t.diagnostic(`${ways.length} ways of ${steps} steps went alike on the real store`);
  assert.ok(steps > 1000);
}
