import type { Actor } from './actor.ts';
import type { Operation } from './operations.ts';
import { Search } from './search.ts';
import { Space, type World } from './space.ts';

export interface Exploration {
  /** States of store and actors together, and steps between them. */
  states: number;
  transitions: number;
  /** Distinct states of the store, and operations carried out in them, those of settling included. */
  storeStates: number;
  executed: number;
  seconds: number;
  violation: Found | undefined;
  /** For each operation with each result the shortest way to it, and some long ways to where all have ended. */
  samples: Operation[][];
}

export interface Found {
  message: string;
  /** The shortest way there, a step a line. */
  trace: string[];
}

export interface Scene {
  actors: Actor[];
  /** Gives up beyond so many states: a scene that grew is to be noticed. */
  maxStates?: number;
}

/**
 * Takes every step of every actor in every state that can be reached, breadth first, so that the first violation has
 * the shortest trace. After each new state of the store: tagged images can be read, and one run after a crash
 * leaves nothing unfinished.
 */
export async function explore(world: World, { actors, maxStates = 20_000_000 }: Scene): Promise<Exploration> {
  const startedAt = performance.now();
  const search = new Search(new Space(world), actors);
  const violation = await search.run(maxStates);
  return {
    states: search.rows.count,
    transitions: search.transitions,
    storeStates: search.space.states,
    executed: search.space.executed,
    seconds: (performance.now() - startedAt) / 1000,
    violation,
    samples: search.samples(),
  };
}
