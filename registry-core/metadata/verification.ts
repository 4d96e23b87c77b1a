import { openDatabase } from '../../runtime/sqlite.ts';
import type { Retention } from './review.ts';
import { migrations } from './schema.ts';
import { Statements } from './statements.ts';
import { VerifyReads } from './verify-reads.ts';
import { VerifyRepairs } from './verify-repairs.ts';

export type { CheckedBlob, CheckedManifest, CheckedTrash, FileName, Forgotten } from './verify-reads.ts';
export type { References } from './verify-repairs.ts';

/**
 * The metadata store as `gatehouse verify` sees it: it walks the store, in batches that each read one snapshot, and
 * its repairs are short transactions whose conditions hold only where nothing changed since it looked.
 */
export interface Verification {
  reads: VerifyReads;
  repairs: VerifyRepairs;
  close(): Promise<void>;
}

export function openVerification(path: string, retention: Retention): Verification {
  const database = openDatabase(path, { migrations, busyTimeoutMs: 15_000 });
  const statements = new Statements(database);
  return {
    reads: new VerifyReads(database, statements, retention),
    repairs: new VerifyRepairs(database, statements, retention),
    close: async () => {
      database.close();
    },
  };
}
