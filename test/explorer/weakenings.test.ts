import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type Exploration, explore } from './explore.ts';
import { modelWorld } from './model-world.ts';
import { RealWorld } from './real.ts';
import { weakenings } from './weakenings.ts';

/** That a rule is needed shows in what happens without it: each weaker one must be found, shortest trace first. */
for (const { rule, actors, model, real } of weakenings) {
  test(`found in the model: ${rule}`, async (t) => {
    assertFound(t, await explore(modelWorld(model?.()), { actors: actors() }));
  });

  test(`found in the real store: ${rule}`, async (t) => {
    assertFound(t, await explore(await RealWorld.open(t, real), { actors: actors() }));
  });
}

function assertFound(t: TestContext, { violation, states, seconds }: Exploration): void {
  assert.ok(violation, `not found in ${states} states`);
  t.diagnostic(`${violation.message} (${states} states, ${seconds.toFixed(1)} s)`);
  for (const step of violation.trace) t.diagnostic(`  ${step}`);
}
