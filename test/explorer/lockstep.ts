import assert from 'node:assert/strict';
import { modelWorld } from './model-world.ts';
import { describe, type Operation } from './operations.ts';
import type { Outcome, World } from './space.ts';

/** Carries out each operation on both, and fails where result or state differ: model and code have drifted apart. */
export function inLockstep(real: World, model: World = modelWorld()): World {
  assert.equal(real.start, model.start);
  return {
    start: real.start,
    async apply(state, operation) {
      const actual = await real.apply(state, operation);
      await assertAlike(model, state, operation, actual);
      return actual;
    },
  };
}

/**
 * Mark may decide about as many entries in a transaction as it likes; the model's does about one, which leaves more
 * room for others in between. So the model goes on until it is where the store is.
 */
export async function assertAlike(
  model: World,
  state: string,
  operation: Operation,
  actual: Outcome,
): Promise<void> {
  let expected = await model.apply(state, operation);
  const first = expected;
  while (operation.do === 'gc.mark' && expected.result === 'more' && expected.next !== actual.next) {
    expected = await model.apply(expected.next, operation);
  }
  if (expected.next !== actual.next) expected = first;
  assert.deepEqual(actual, expected, `model and store differ: ${describe(operation)} in\n${state}`);
}
