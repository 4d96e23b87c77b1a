import { factsOf, startFacts, textOf } from './facts.ts';
import { Model } from './model.ts';
import type { World } from './space.ts';

/** The model as a world. */
export function modelWorld(model = new Model()): World {
  return {
    start: textOf(startFacts()),
    apply(state, operation) {
      const facts = factsOf(state);
      const result = model.apply(facts, operation);
      return { result, next: textOf(facts) };
    },
  };
}
