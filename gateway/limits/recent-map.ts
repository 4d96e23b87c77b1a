/**
 * A map that forgets what was not set for longest when it is full. In two generations: what is set is young; when half
 * of the room is young, it becomes the old, and what was old and not set since goes as a whole. (To take the first entry
 * out of one large Map again and again costs a walk over those taken out before.)
 */
export class RecentMap<Value> {
  readonly #half: number;
  #young = new Map<string, Value>();
  #old = new Map<string, Value>();

  /** @param limit entries; at least half of them are kept. */
  constructor(limit: number) {
    this.#half = Math.max(1, Math.floor(limit / 2));
  }

  get size(): number {
    return this.#young.size + this.#old.size;
  }

  peek(key: string): Value | undefined {
    return this.#young.get(key) ?? this.#old.get(key);
  }

  set(key: string, value: Value): void {
    this.#old.delete(key);
    this.#young.set(key, value);
    if (this.#young.size < this.#half) return;
    this.#old = this.#young;
    this.#young = new Map();
  }

  *entries(): Generator<[string, Value]> {
    yield* this.#old;
    yield* this.#young;
  }

  /** @returns how many there were. */
  deleteAll(matches: (key: string) => boolean): number {
    let count = 0;
    for (const entries of [this.#old, this.#young]) {
      for (const key of [...entries.keys()]) if (matches(key) && entries.delete(key)) count++;
    }
    return count;
  }
}
