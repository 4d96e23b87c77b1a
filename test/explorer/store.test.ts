import { test } from 'node:test';
import { assertSafe, bounds } from './assert-safe.ts';
import { explore } from './explore.ts';
import { inLockstep } from './lockstep.ts';
import { RealWorld } from './real.ts';
import { largeScenes, namedScene, smallScenes } from './scenes.ts';

// Every order of every step on the real store, each step compared with the model.

const more = { small: [], real: [namedScene], large: [namedScene, ...largeScenes] };

for (const { name, actors } of [...smallScenes, ...more[bounds]]) {
  test(`the real store, every order: ${name}`, async (t) => {
    const world = inLockstep(await RealWorld.open(t));
    assertSafe(t, await explore(world, { actors: actors() }));
  });
}
