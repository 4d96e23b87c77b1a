import type { Operation, Result } from './operations.ts';

/** Where operations are carried out: the model, or the real store. States are texts, @see facts.ts. */
export interface World {
  readonly start: string;
  apply(state: string, operation: Operation): Outcome | Promise<Outcome>;
}

export interface Outcome {
  result: Result;
  next: string;
}

/**
 * Each state of the store by a number, and what each operation does to it, carried out once. Actors multiply the
 * orders in which the store sees the same few states, not the states.
 */
export class Space {
  readonly world: World;
  readonly #states = new Interned<string>((state) => state);
  readonly #operations = new Interned<Operation>((operation) => JSON.stringify(operation));
  readonly #results = new Interned<Result>((result) => `${typeof result} ${result}`);
  readonly #known: number[][] = [];
  #executed = 0;

  constructor(world: World) {
    this.world = world;
  }

  get start(): number {
    return this.#states.id(this.world.start);
  }

  /** Distinct states of the store that were seen. */
  get states(): number {
    return this.#states.size;
  }

  /** Distinct pairs of state and operation that were carried out. */
  get executed(): number {
    return this.#executed;
  }

  text(state: number): string {
    return this.#states.value(state);
  }

  id(state: string): number {
    return this.#states.id(state);
  }

  operationId(operation: Operation): number {
    return this.#operations.id(operation);
  }

  operation(id: number): Operation {
    return this.#operations.value(id);
  }

  result(id: number): Result {
    return this.#results.value(id);
  }

  /** What is known already of an operation in a state: next state and result, as `nextOf` and `resultOf` read them. */
  known(state: number, operation: number): number | undefined {
    return this.#known[state]?.[operation];
  }

  async carryOut(state: number, operation: number): Promise<number> {
    const { result, next } = await this.world.apply(this.text(state), this.operation(operation));
    const packed = this.#states.id(next) * maxResults + this.#results.id(result);
    this.#known[state] ??= [];
    this.#known[state][operation] = packed;
    this.#executed++;
    return packed;
  }

  async apply(state: number, operation: Operation): Promise<{ next: number; result: Result }> {
    const id = this.operationId(operation);
    const packed = this.known(state, id) ?? (await this.carryOut(state, id));
    return { next: nextOf(packed), result: this.result(resultOf(packed)) };
  }
}

const maxResults = 256;

export const nextOf = (packed: number): number => Math.floor(packed / maxResults);
export const resultOf = (packed: number): number => packed % maxResults;

/** Values by number. */
export class Interned<Value> {
  readonly #keyOf: (value: Value) => string;
  readonly #ids = new Map<string, number>();
  readonly #values: Value[] = [];

  constructor(keyOf: (value: Value) => string) {
    this.#keyOf = keyOf;
  }

  get size(): number {
    return this.#values.length;
  }

  id(value: Value): number {
    const key = this.#keyOf(value);
    const known = this.#ids.get(key);
    if (known !== undefined) return known;
    this.#ids.set(key, this.#values.length);
    return this.#values.push(value) - 1;
  }

  value(id: number): Value {
    return this.#values[id]!;
  }
}
