import { createHash } from 'node:crypto';
import { type Database, openDatabase } from '../../runtime/sqlite.ts';
import type { Batch } from './batch.ts';
import { migrations } from './schema.ts';

/** Blocks that one transaction of a trimming deletes: a few milliseconds. */
const maxTrimmed = 200;

/** The writing face of audit.db. Nothing here changes or removes an entry, but for `trim`. */
export class Blocks {
  readonly #database: Database;
  readonly #write;
  readonly #use;
  readonly #find;
  readonly #last;
  readonly #insert;
  readonly #deleteOldest;

  /** Opens audit.db, creating it where it is missing. */
  constructor(path: string) {
    // NORMAL: kill -9 loses nothing that was committed; a power cut may lose the last seconds.
    this.#database = openDatabase(path, { migrations, synchronous: 'NORMAL' });
    this.#write = this.#database.transaction((batch: Batch) => this.#append(batch)).immediate;
    const prepare = (sql: string) => this.#database.prepare(sql);
    this.#use = prepare(
      `INSERT INTO credential_uses VALUES (?, ?, ?) ON CONFLICT DO UPDATE
       SET used_at = excluded.used_at, address = excluded.address WHERE excluded.used_at >= used_at`,
    );
    this.#find = prepare(
      'SELECT 1 FROM blocks WHERE last_at >= ? AND first_at <= ? AND instr(entries, ?) LIMIT 1',
    );
    this.#last = prepare('SELECT hash FROM blocks ORDER BY id DESC LIMIT 1').pluck();
    this.#insert = prepare(
      'INSERT INTO blocks (first_at, last_at, count, previous, hash, entries) VALUES (?, ?, ?, ?, ?, ?)',
    );
    this.#deleteOldest = prepare(
      `DELETE FROM blocks WHERE id IN (
         SELECT id FROM blocks WHERE last_at < ? ORDER BY last_at LIMIT ${maxTrimmed})`,
    );
  }

  /** One transaction. */
  append(batch: Batch): void {
    this.#write(batch);
  }

  /**
   * Deletes some of the blocks whose entries all are older.
   * @param maxBytes size beyond which the oldest go whatever their age; 0: none.
   * @returns whether there may be more.
   */
  trim(olderThan: number, maxBytes: number): boolean {
    if (this.#deleteOldest.run(olderThan).changes >= maxTrimmed) return true;
    if (maxBytes === 0 || this.#usedBytes() <= maxBytes) return false;
    return this.#deleteOldest.run(Number.MAX_SAFE_INTEGER).changes > 0;
  }

  close(): void {
    this.#database.close();
  }

  #append({ entries, count, firstAt, lastAt, uses, once }: Batch): void {
    for (const { credential, at, address } of uses) this.#use.run(credential, at, address);
    if (count === 0 || (once && this.#find.get(firstAt, firstAt, entries) !== undefined)) return;
    const previous = (this.#last.get() as Buffer | undefined) ?? Buffer.alloc(32);
    const text = `[${entries}]`;
    this.#insert.run(firstAt, lastAt, count, previous, blockHash(previous, text), text);
  }

  #usedBytes(): number {
    const pragma = (name: string) => this.#database.pragma(name, { simple: true }) as number;
    return (pragma('page_count') - pragma('freelist_count')) * pragma('page_size');
  }
}

export function blockHash(previous: Uint8Array, entries: string): Buffer {
  return createHash('sha256').update(previous).update(entries).digest();
}
