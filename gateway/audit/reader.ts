import { existsSync } from 'node:fs';
import { type AuditEntry, parseEntry } from '../../runtime/audit-entry.ts';
import { type Database, openDatabase } from '../../runtime/sqlite.ts';
import { entrySeparator } from './batch.ts';
import { blockHash } from './blocks.ts';
import { type AuditFilter, matchesFilter, neededTexts } from './filter.ts';

export interface AuditPage {
  /** Newest first. */
  entries: AuditEntry[];
  /** For the next, older page; absent at the end. */
  next?: string;
}

export interface CredentialUsed {
  /** Milliseconds since 1970. */
  at: number;
  address: string;
}

export interface ChainReport {
  entries: number;
  blocks: number;
  /** Of the newest block; null when there is none. */
  head: string | null;
  /** The first block that is not what was written; null: all are. */
  brokenAt: number | null;
  /** Whether the head that was asked for is in the chain; null when none was. */
  headFound: boolean | null;
}

interface ChainRow {
  id: number;
  count: number;
  previous: Buffer;
  hash: Buffer;
  entries: string;
}

interface BlockRow {
  id: number;
  last_at: number;
  entries: string;
}

/** Where a page ended: the block, by time and id, and how many of its entries are left. */
interface Position {
  lastAt: number;
  id: number;
  left: number;
}

/** The reading face of audit.db, whether or not a gateway runs. Changes nothing. */
export class AuditReader {
  readonly #path: string;
  #database: Database | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  /** @param after `next` of the page before. @throws RangeError when it is none. */
  page(filter: AuditFilter, limit: number, after?: string): AuditPage {
    const start = after === undefined ? newest : parsePosition(after);
    const page: AuditPage = { entries: [] };
    for (const block of this.#blocks(filter, start)) {
      const lines = linesOf(block);
      const isFirst = block.id === start.id && block.last_at === start.lastAt;
      for (let left = isFirst ? start.left : lines.length; left > 0; left--) {
        const entry = parseEntry(lines[left - 1]!);
        if (!matchesFilter(entry, filter)) continue;
        if (page.entries.length === limit) {
          page.next = `${block.last_at}.${block.id}.${left}`;
          return page;
        }
        page.entries.push(entry);
      }
    }
    return page;
  }

  /** Entries committed after a block, oldest first, and the newest block's id. */
  following(filter: AuditFilter, afterBlock: number): { entries: AuditEntry[]; block: number } {
    const rows = this.#open()?.prepare<[number], BlockRow>(
      'SELECT id, last_at, entries FROM blocks WHERE id > ? ORDER BY id',
    );
    let block = afterBlock;
    const entries: AuditEntry[] = [];
    for (const row of rows?.iterate(afterBlock) ?? []) {
      block = row.id;
      const found = linesOf(row).map(parseEntry);
      entries.push(...found.filter((entry) => matchesFilter(entry, filter)));
    }
    return { entries, block };
  }

  /**
   * Walks the chain of hashes from the oldest block that is left.
   * @param head a hash that an earlier walk ended with; when it is not in the chain, entries were changed or removed
   *   since (or retention has removed its block).
   */
  verify(head?: string): ChainReport {
    const rows = this.#open()?.prepare<[], ChainRow>(
      'SELECT id, count, previous, hash, entries FROM blocks ORDER BY id',
    );
    const report: ChainReport = { entries: 0, blocks: 0, head: null, brokenAt: null, headFound: null };
    if (head !== undefined) report.headFound = false;
    let last: Buffer | undefined;
    for (const { id, count, previous, hash, entries } of rows?.iterate() ?? []) {
      const follows = last === undefined || last.equals(previous);
      if (!follows || !blockHash(previous, entries).equals(hash)) report.brokenAt ??= id;
      report.entries += count;
      report.blocks += 1;
      if (head === hash.toString('hex')) report.headFound = true;
      last = hash;
    }
    report.head = last?.toString('hex') ?? null;
    return report;
  }

  newestBlock(): number {
    const id = this.#open()?.prepare('SELECT max(id) FROM blocks').pluck().get();
    return (id as number | null | undefined) ?? 0;
  }

  /** Another value after every change. */
  version(): number {
    return (this.#open()?.pragma('data_version', { simple: true }) as number | undefined) ?? 0;
  }

  /** By kind and id, `personal-token:17`; those that were never used are not among them. */
  credentialUses(credentials: readonly string[]): Map<string, CredentialUsed> {
    const row = this.#open()?.prepare<[string], CredentialUsed>(
      'SELECT used_at AS at, address FROM credential_uses WHERE credential = ?',
    );
    const uses = credentials.map((credential) => [credential, row?.get(credential)] as const);
    return new Map(uses.filter((use): use is [string, CredentialUsed] => use[1] !== undefined));
  }

  close(): void {
    this.#database?.close();
  }

  #blocks(filter: AuditFilter, { lastAt, id }: Position): Iterable<BlockRow> {
    const texts = neededTexts(filter);
    return (
      this.#open()
        ?.prepare<unknown[], BlockRow>(
          `SELECT id, last_at, entries FROM blocks
           WHERE last_at >= ? AND first_at <= ? AND (last_at, id) <= (?, ?)
             ${texts.map(() => 'AND instr(entries, ?)').join(' ')}
           ORDER BY last_at DESC, id DESC`,
        )
        .iterate(filter.since ?? 0, filter.until ?? Number.MAX_SAFE_INTEGER, lastAt, id, ...texts) ?? []
    );
  }

  /** undefined before a gateway has made it. */
  #open(): Database | undefined {
    if (!this.#database && existsSync(this.#path)) {
      this.#database = openDatabase(this.#path);
      this.#database.pragma('query_only = ON');
    }
    return this.#database;
  }
}

const newest: Position = { lastAt: Number.MAX_SAFE_INTEGER, id: Number.MAX_SAFE_INTEGER, left: 0 };

function parsePosition(text: string): Position {
  const match = /^(\d{1,15})\.(\d{1,15})\.(\d{1,6})$/.exec(text);
  if (!match) throw new RangeError('not the end of a page');
  const [lastAt, id, left] = match.slice(1).map(Number) as [number, number, number];
  return { lastAt, id, left };
}

/** Of an array, which has its entries one a line. */
function linesOf({ entries }: BlockRow): string[] {
  return entries.slice(1, -1).split(entrySeparator);
}
