import { type AuditEntry, formatEntry } from '../../runtime/audit-entry.ts';

/** JSON has no raw line end within a value, so this stands between entries only. */
export const entrySeparator = ',\n';

/** What goes to audit.db in one transaction. Of plain values, so that it can go between threads and processes. */
export interface Batch {
  /** Entries as JSON, joined by `entrySeparator`: the inside of an array. Nothing is parsed on the way. */
  entries: string;
  count: number;
  /** Least and greatest time of them, in milliseconds since 1970. */
  firstAt: number;
  lastAt: number;
  uses: readonly CredentialUse[];
  /** Set for an entry that may come a second time: then it is written only when it is not there yet. */
  once?: true;
}

export interface CredentialUse {
  /** Kind and id: `personal-token:17`. */
  credential: string;
  /** Milliseconds since 1970. */
  at: number;
  address: string;
}

/** Where batches go. @throws Error when it cannot be written now. */
export type Sink = (batch: Batch) => Promise<void>;

/** An entry by itself, written once however often it comes. */
export function singleBatch(entry: AuditEntry): Batch {
  const { at } = entry;
  return { entries: formatEntry(entry), count: 1, firstAt: at, lastAt: at, uses: [], once: true };
}
