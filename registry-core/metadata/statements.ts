import type { Statement } from 'better-sqlite3';
import type { Database } from '../../runtime/sqlite.ts';

/** Prepares each statement once. The SQL stays in sight of the method that runs it. */
export class Statements {
  readonly #database: Database;
  readonly #prepared = new Map<string, Statement<unknown[]>>();

  constructor(database: Database) {
    this.#database = database;
  }

  #prepare(sql: string): Statement<unknown[]> {
    let statement = this.#prepared.get(sql);
    if (!statement) {
      statement = this.#database.prepare<unknown[]>(sql);
      this.#prepared.set(sql, statement);
    }
    return statement;
  }

  /** @returns the number of rows changed. */
  run(sql: string, ...parameters: unknown[]): number {
    return this.#prepare(sql).run(...bound(sql, parameters)).changes;
  }

  get<Row>(sql: string, ...parameters: unknown[]): Row | undefined {
    return this.#prepare(sql).get(...bound(sql, parameters)) as Row | undefined;
  }

  iterate<Row>(sql: string, ...parameters: unknown[]): IterableIterator<Row> {
    return this.#prepare(sql).iterate(...bound(sql, parameters)) as IterableIterator<Row>;
  }

  /** The first column of each row. */
  column<Value>(sql: string, ...parameters: unknown[]): Value[] {
    return this.#prepare(sql)
      .pluck()
      .all(...bound(sql, parameters)) as Value[];
  }

  all<Row>(sql: string, ...parameters: unknown[]): Row[] {
    return this.#prepare(sql).all(...bound(sql, parameters)) as Row[];
  }
}

/** better-sqlite3 takes `?1`, `?2` … for names, and wants an object for those. */
function bound(sql: string, parameters: unknown[]): unknown[] {
  if (!sql.includes('?1')) return parameters;
  return [Object.fromEntries(parameters.map((value, index) => [String(index + 1), value]))];
}
