import { type Actor, isNoticed, type Local, Violation } from './actor.ts';
import { Interned, type Space } from './space.ts';

export interface NumberedStep {
  operation: number;
  isNoticed: boolean;
  /** The local state after each result, by the result's number; a violation instead. */
  after(result: number): number | Violation;
}

/** An actor whose local states are numbers, everything about them worked out once. */
export class Player {
  readonly actor: Actor;
  readonly #space: Space;
  readonly #locals = new Interned<Local>((local) =>
    JSON.stringify(Object.entries(local).toSorted(([a], [b]) => (a < b ? -1 : 1))),
  );
  readonly #steps: NumberedStep[][] = [];
  readonly #observed = new Map<number, number>();
  readonly #busy: boolean[] = [];

  constructor(actor: Actor, space: Space) {
    this.actor = actor;
    this.#space = space;
  }

  get start(): number {
    return this.#locals.id(this.actor.start);
  }

  local(id: number): Local {
    return this.#locals.value(id);
  }

  steps(local: number): NumberedStep[] {
    this.#steps[local] ??= this.actor.steps(this.local(local)).map((step) => {
      const known: (number | Violation)[] = [];
      const after = (result: number): number | Violation => {
        if (known[result] === undefined) {
          const value = step.after(this.#space.result(result));
          known[result] = value instanceof Violation ? value : this.#locals.id(value);
        }
        return known[result];
      };
      const { operation } = step;
      return { operation: this.#space.operationId(operation), isNoticed: isNoticed(operation), after };
    });
    return this.#steps[local]!;
  }

  observe(local: number, operation: number, result: number): number {
    if (!this.actor.observe) return local;
    const key = (local * 256 + operation) * 256 + result;
    let next = this.#observed.get(key);
    if (next === undefined) {
      const { observe } = this.actor;
      const value = observe(this.local(local), this.#space.operation(operation), this.#space.result(result));
      next = this.#locals.id(value);
      this.#observed.set(key, next);
    }
    return next;
  }

  needsCore(local: number): boolean {
    return this.actor.needsCore?.(this.local(local)) ?? false;
  }

  isInRequest(local: number): boolean {
    this.#busy[local] ??= this.actor.isInRequest?.(this.local(local)) ?? false;
    return this.#busy[local]!;
  }
}
