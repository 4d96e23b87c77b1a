/** What is held at once, by key, and by which worker: what a worker held is free when it dies. */
export class HeldCounts {
  readonly #totals = new Map<string, { held: number; most: number }>();
  readonly #byWorker = new Map<number, Map<string, number>>();
  /** Their numbers are not used again. What they said last may arrive after they are gone. */
  readonly #gone = new Set<number>();

  hold(key: string, most: number, worker: number): boolean {
    const total = this.#totals.get(key) ?? { held: 0, most };
    if (this.#gone.has(worker) || total.held >= most) return false;
    total.held++;
    total.most = most;
    this.#totals.set(key, total);
    const own = this.#byWorker.get(worker) ?? new Map<string, number>();
    this.#byWorker.set(worker, own);
    own.set(key, (own.get(key) ?? 0) + 1);
    return true;
  }

  release(key: string, worker: number): void {
    const own = this.#byWorker.get(worker);
    const count = own?.get(key) ?? 0;
    if (!own || count === 0) return;
    if (count === 1) own.delete(key);
    else own.set(key, count - 1);
    this.#lower(key, 1);
  }

  releaseAll(worker: number): void {
    for (const [key, count] of this.#byWorker.get(worker) ?? []) this.#lower(key, count);
    this.#byWorker.delete(worker);
    this.#gone.add(worker);
  }

  entries(): IterableIterator<[string, { held: number; most: number }]> {
    return this.#totals.entries();
  }

  #lower(key: string, count: number): void {
    const total = this.#totals.get(key);
    if (!total) return;
    total.held -= count;
    if (total.held <= 0) this.#totals.delete(key);
  }
}
