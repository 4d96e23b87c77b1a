import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Database } from '../../runtime/sqlite.ts';

/** Contents of all tables and the names of all files: what a state of the real store is. */
export interface Snapshot {
  tables: TableContents[];
  files: readonly string[];
}

interface TableContents {
  rows: unknown[][];
  text: string;
}

/** Journals: nothing that the store does depends on them. */
const leftOut = ['events', 'gc_runs', 'meta', 'sqlite_sequence'];

/** Takes snapshots of database and files, and puts them back, through a connection of its own. */
export class Snapshots {
  readonly #database: Database;
  readonly #root: string;
  readonly #tables: { read(): unknown[][]; clear(): void; insert(row: unknown[]): void }[];
  readonly #contents = new Map<string, TableContents>();

  constructor(database: Database, root: string) {
    this.#database = database;
    this.#root = root;
    database.pragma('foreign_keys = OFF');
    database.pragma('synchronous = OFF');
    const names = database
      .prepare("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
      .pluck()
      .all() as string[];
    this.#tables = names.filter((name) => !leftOut.includes(name)).map((name) => tableOf(database, name));
  }

  take(): Snapshot {
    return { tables: this.#tables.map((table, index) => this.#read(table, index)), files: this.#files() };
  }

  /** Only what differs is written. @param bytesOf what a file has in it. */
  restore(wanted: Snapshot, current: Snapshot, bytesOf: (file: string) => Buffer): void {
    const changed = wanted.tables.flatMap((contents, index) =>
      contents.text === current.tables[index]!.text ? [] : [{ contents, table: this.#tables[index]! }],
    );
    const write = this.#database.transaction(() => {
      for (const { contents, table } of changed) {
        table.clear();
        for (const row of contents.rows) table.insert(row);
      }
    });
    if (changed.length > 0) write.immediate();
    for (const file of current.files) if (!wanted.files.includes(file)) rmSync(join(this.#root, file));
    for (const file of wanted.files) {
      if (current.files.includes(file)) continue;
      mkdirSync(dirname(join(this.#root, file)), { recursive: true });
      writeFileSync(join(this.#root, file), bytesOf(file));
    }
  }

  #read(table: { read(): unknown[][] }, index: number): TableContents {
    const rows = table.read();
    const text = JSON.stringify(rows, (_, value) => (value?.type === 'Buffer' ? value.data.length : value));
    const key = `${index} ${text}`;
    const known = this.#contents.get(key) ?? { rows, text };
    this.#contents.set(key, known);
    return known;
  }

  #files(): string[] {
    const below = (folder: string): string[] =>
      readdirSync(join(this.#root, folder), { withFileTypes: true }).flatMap((entry) => {
        const name = `${folder}/${entry.name}`;
        return entry.isDirectory() ? below(name) : [name];
      });
    return [...below('blobs'), ...below('uploads')];
  }
}

function tableOf(database: Database, name: string) {
  const select = database.prepare(`SELECT * FROM ${name}`).raw();
  const columns = select.columns().length;
  const insert = database.prepare(`INSERT INTO ${name} VALUES (${Array(columns).fill('?').join(', ')})`);
  const clear = database.prepare(`DELETE FROM ${name}`);
  return {
    read: () => select.all() as unknown[][],
    clear: () => void clear.run(),
    insert: (row: unknown[]) => void insert.run(...row),
  };
}
