/** How far a run or a verification is. Totals are what is known now: a deletion may release more. Sizes are bytes. */
export interface ProgressReport {
  /** What it is doing, in a word: `marking`. */
  phase: string;
  done: number;
  total: number;
  bytes_done: number;
  bytes_total: number;
  /** Of this phase; null until it can be told. */
  seconds_left: number | null;
}

/** Before this a rate is no more than a guess. */
const leastElapsedMs = 500;

/** Counts on. Whoever wants to show it asks for a report, as often as it likes. */
export class Progress {
  #phase = 'starting';
  #total = 0;
  #bytesTotal = 0;
  #done = 0;
  #bytesDone = 0;
  #startedAt = performance.now();

  begin(phase: string, total = 0, bytesTotal = 0): void {
    this.#phase = phase;
    this.#done = 0;
    this.#bytesDone = 0;
    this.#startedAt = performance.now();
    this.expect(total, bytesTotal);
  }

  /** Corrects what is still to come. */
  expect(total: number, bytesTotal = this.#bytesTotal): void {
    this.#total = total;
    this.#bytesTotal = bytesTotal;
  }

  advance(count: number, bytes = 0): void {
    this.#done += count;
    this.#bytesDone += bytes;
  }

  /** For who counts elsewhere. */
  reach(done: number, bytesDone: number): void {
    this.#done = done;
    this.#bytesDone = bytesDone;
  }

  report(): ProgressReport {
    return {
      phase: this.#phase,
      done: this.#done,
      total: Math.max(this.#total, this.#done),
      bytes_done: this.#bytesDone,
      bytes_total: Math.max(this.#bytesTotal, this.#bytesDone),
      seconds_left: this.#secondsLeft(),
    };
  }

  /** By bytes where they are what takes the time. */
  #secondsLeft(): number | null {
    const elapsedMs = performance.now() - this.#startedAt;
    const [done, total] =
      this.#bytesTotal > 0 ? [this.#bytesDone, this.#bytesTotal] : [this.#done, this.#total];
    if (elapsedMs < leastElapsedMs || done === 0 || total < done) return null;
    return Math.round((elapsedMs * (total - done)) / done / 1000);
  }
}
