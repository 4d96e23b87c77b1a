/** Rows of small numbers, each once, in the order in which they came: a queue and a set in one. */
export class Rows {
  readonly width: number;
  count = 0;
  #data: Int32Array;
  #slots: Int32Array;

  constructor(width: number) {
    this.width = width;
    this.#data = new Int32Array(width * 1024);
    this.#slots = new Int32Array(4096);
  }

  get(row: number, column: number): number {
    return this.#data[row * this.width + column]!;
  }

  /** @returns whether the row is new. */
  add(row: Int32Array): boolean {
    if (this.count * 2 > this.#slots.length) this.#grow();
    const slot = this.#find(row);
    if (this.#slots[slot] !== 0) return false;
    if ((this.count + 1) * this.width > this.#data.length) {
      const data = new Int32Array(this.#data.length * 2);
      data.set(this.#data);
      this.#data = data;
    }
    this.#data.set(row, this.count * this.width);
    this.#slots[slot] = ++this.count;
    return true;
  }

  #find(row: Int32Array): number {
    const mask = this.#slots.length - 1;
    for (let slot = hash(row) & mask; ; slot = (slot + 1) & mask) {
      const found = this.#slots[slot]!;
      if (found === 0 || this.#equals(found - 1, row)) return slot;
    }
  }

  #equals(index: number, row: Int32Array): boolean {
    const start = index * this.width;
    for (let column = 0; column < this.width; column++) {
      if (this.#data[start + column] !== row[column]) return false;
    }
    return true;
  }

  #grow(): void {
    this.#slots = new Int32Array(this.#slots.length * 2);
    const row = new Int32Array(this.width);
    for (let index = 0; index < this.count; index++) {
      row.set(this.#data.subarray(index * this.width, (index + 1) * this.width));
      this.#slots[this.#find(row)] = index + 1;
    }
  }
}

function hash(row: Int32Array): number {
  let value = 0x811c9dc5;
  for (const number of row) {
    value = Math.imul(value ^ number, 0x01000193);
    value ^= value >>> 15;
  }
  return Math.imul(value ^ (value >>> 13), 0x5bd1e995) >>> 1;
}
