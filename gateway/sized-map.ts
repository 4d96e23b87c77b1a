/**
 * A map with room for so many bytes, that forgets what was not used for longest. In two generations, as
 * `limits/recent-map.ts`: what is used is young; when half of the room is young, it becomes the old, and what was old goes.
 */
export class SizedMap<Value> {
  readonly #half: number;
  #young = new Map<string, { value: Value; bytes: number }>();
  #youngBytes = 0;
  #old = new Map<string, { value: Value; bytes: number }>();

  /** @param maxBytes of all values. One of more than half of that is not kept. */
  constructor(maxBytes: number) {
    this.#half = maxBytes / 2;
  }

  get(key: string): Value | undefined {
    const young = this.#young.get(key);
    if (young) return young.value;
    const old = this.#old.get(key);
    if (old) this.set(key, old.value, old.bytes);
    return old?.value;
  }

  /** @param bytes that the value takes. */
  set(key: string, value: Value, bytes: number): void {
    this.delete(key);
    if (bytes > this.#half) return;
    if (this.#youngBytes + bytes > this.#half) {
      this.#old = this.#young;
      this.#young = new Map();
      this.#youngBytes = 0;
    }
    this.#young.set(key, { value, bytes });
    this.#youngBytes += bytes;
  }

  delete(key: string): void {
    this.#youngBytes -= this.#young.get(key)?.bytes ?? 0;
    this.#young.delete(key);
    this.#old.delete(key);
  }
}
