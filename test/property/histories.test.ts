import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { Player } from './histories-player.ts';
import { assertEmpty, assertSettled } from './histories-snapshot.ts';
import { history, type Step } from './histories-steps.ts';
import { World } from './histories-world.ts';

/** More by TEST_HISTORIES; a failure prints seed and path, which TEST_SEED repeats. */
const numRuns = Number(process.env['TEST_HISTORIES'] ?? 25);
const seed = process.env['TEST_SEED'];
/** Within this time a history that fails is made shorter; then the shortest is printed. */
const limits = { timeout: 120_000, interruptAfterTimeLimit: 300_000 };

const longHours = 10_000;

async function play(world: World, steps: readonly Step[]): Promise<void> {
  const player = new Player(world);
  for (const step of steps) await player.play(step);
  if (world.isArmed) await world.restart();
  await player.pullAll();

  await player.play({ do: 'age', hours: longHours });
  for (let run = 1; run <= 2; run++) await player.play({ do: 'collect' });
  await assertSettled(world);
  await player.pullAll();

  // The next history finds nothing of this one.
  await player.untagAll();
  await player.play({ do: 'age', hours: longHours });
  for (let run = 1; run <= 2; run++) await player.play({ do: 'collect' });
  await assertSettled(world);
  assertEmpty(world);
}

test(`${numRuns} random histories: what must be there is there byte for byte, and in the end nothing else`, async (t: TestContext) => {
  let world: World | undefined;
  const property = fc.asyncProperty(history, async (steps) => {
    world ??= await World.start(t);
    try {
      await play(world, steps);
    } catch (error) {
      // What is left of a history that failed would make the next one fail.
      world = undefined;
      throw error;
    }
  });
  await fc.assert(property, { numRuns, ...limits, ...(seed === undefined ? {} : { seed: Number(seed) }) });
});
