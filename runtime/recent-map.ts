interface Entry<Value> {
  value: Value;
  weight: number;
}

/**
 * A map that forgets what was not used for longest when it is full. In two generations: what is used is young; when half
 * of the room is young, it becomes the old, and what was old and not used since goes as a whole. (To take the first entry
 * out of one large Map again and again costs a walk over those taken out before.)
 */
export class RecentMap<Value> {
  readonly #half: number;
  #young = new Map<string, Entry<Value>>();
  #youngWeight = 0;
  #old = new Map<string, Entry<Value>>();

  /** @param room for entries of weight 1, or for so many bytes; at least half of it is used. */
  constructor(room: number) {
    this.#half = Math.max(1, Math.floor(room / 2));
  }

  get size(): number {
    return this.#young.size + this.#old.size;
  }

  get(key: string): Value | undefined {
    const young = this.#young.get(key);
    if (young) return young.value;
    const old = this.#old.get(key);
    if (old) this.set(key, old.value, old.weight);
    return old?.value;
  }

  /** Does not count as a use. */
  peek(key: string): Value | undefined {
    return (this.#young.get(key) ?? this.#old.get(key))?.value;
  }

  /** @param weight one of over half of the room is not taken. */
  set(key: string, value: Value, weight = 1): void {
    const known = this.#young.get(key);
    if (known?.weight === weight) {
      known.value = value;
      return;
    }
    this.delete(key);
    if (weight > this.#half) return;
    if (this.#youngWeight + weight > this.#half) {
      this.#old = this.#young;
      this.#young = new Map();
      this.#youngWeight = 0;
    }
    this.#young.set(key, { value, weight });
    this.#youngWeight += weight;
  }

  delete(key: string): boolean {
    const young = this.#young.get(key);
    if (!young) return this.#old.delete(key);
    this.#youngWeight -= young.weight;
    return this.#young.delete(key);
  }

  clear(): void {
    this.#young.clear();
    this.#youngWeight = 0;
    this.#old.clear();
  }

  *entries(): Generator<[string, Value]> {
    for (const [key, { value }] of this.#old) yield [key, value];
    for (const [key, { value }] of this.#young) yield [key, value];
  }

  /** @returns how many there were. */
  deleteAll(matches: (key: string) => boolean): number {
    let count = 0;
    for (const [key] of [...this.entries()]) if (matches(key) && this.delete(key)) count++;
    return count;
  }
}
