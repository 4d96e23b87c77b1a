import { join } from 'node:path';
import { Progress } from '../../gc/progress.ts';
import { type VerifyOptions, verify } from '../../gc/verify.ts';
import type { VerifyReport } from '../../gc/verify-findings.ts';
import { openVerification } from '../../registry-core/metadata/verification.ts';
import type { Stores } from './support.ts';

/** A verification on a connection of its own. Files count whatever their age. */
export async function verifyStores(
  stores: Stores,
  options: Partial<VerifyOptions> = {},
): Promise<VerifyReport> {
  const verification = openVerification(stores.path, stores.retention);
  const defaults = {
    quick: false,
    repair: false,
    minAgeMs: 0,
    sparse: false,
    limit: 100,
    progress: new Progress(),
  };
  try {
    return await verify(verification, stores.store, { ...defaults, ...options });
  } finally {
    await verification.close();
  }
}

/** What was found, in short. */
export function problemsOf({ findings }: VerifyReport): [problem: string, what: string, outcome: string][] {
  return findings.map(({ problem, what, outcome }) => [problem, what, outcome]);
}

export async function fileOf(stores: Stores, digest: string): Promise<string> {
  const row = stores.database.prepare('SELECT storage_key AS key FROM blobs WHERE digest = ?').get(digest);
  return join(stores.root, 'blobs', (row as { key: string }).key);
}

/** Every row of the database, to see that nothing changed. */
export function rowsOfAll({ database }: Stores): Record<string, unknown[]> {
  const tables = database
    .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name")
    .all() as { name: string }[];
  return Object.fromEntries(
    tables.map(({ name }) => [name, database.prepare(`SELECT * FROM ${name}`).all()]),
  );
}
