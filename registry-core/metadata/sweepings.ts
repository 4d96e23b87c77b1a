import type { Durability } from './durability.ts';
import type { Statements } from './statements.ts';

/** What sweep removes files for: rows that name files which nothing needs. */
export interface Sweepings {
  /**
   * Everything that was committed until now survives power loss, of whichever process. To be called before the first
   * file is removed: what was decided by expireSessions, mark and removeTags may be undone until then.
   */
  makeDurable(): Promise<void>;
  /** Condemned blobs, in key order, whose files may be removed. */
  condemned(after: string, limit: number): Promise<CondemnedBlob[]>;
  /** Deletes the rows of removed files, where digest, key and state still match. @returns how many did. */
  forgetCondemned(blobs: readonly CondemnedBlob[]): Promise<number>;
  /**
   * Files that nothing needs, those of uploads first: without its upload a session that is being closed can no longer
   * bring a file under a key that was swept before.
   */
  doomedKeys(kind: 'upload' | 'blob', after: string, limit: number): Promise<DoomedKey[]>;
  forgetDoomed(keys: readonly DoomedKey[]): Promise<void>;
}

export interface CondemnedBlob {
  digest: string;
  storageKey: string;
}

export interface DoomedKey {
  kind: 'blob' | 'upload';
  storageKey: string;
}

export function openSweepings(statements: Statements, { durably, undurably }: Durability): Sweepings {
  return {
    makeDurable: async () =>
      durably(() => {
        statements.run(
          `INSERT INTO meta (key, value) VALUES ('durable_at', ?1) ON CONFLICT DO UPDATE SET value = ?1`,
          String(Date.now()),
        );
      }),
    condemned: async (after, limit) =>
      statements.all(
        `SELECT digest, storage_key AS storageKey FROM blobs
         WHERE state = 'condemned' AND digest > ? ORDER BY digest LIMIT ?`,
        after,
        limit,
      ),
    forgetCondemned: async (blobs) =>
      undurably(() =>
        statements.run(
          `DELETE FROM blobs WHERE state = 'condemned'
             AND (digest, storage_key) IN (SELECT value ->> 0, value ->> 1 FROM json_each(?1))`,
          JSON.stringify(blobs.map(({ digest, storageKey }) => [digest, storageKey])),
        ),
      ),
    doomedKeys: async (kind, after, limit) =>
      statements.all(
        `SELECT kind, storage_key AS storageKey FROM doomed_keys
         WHERE kind = ? AND storage_key > ? ORDER BY storage_key LIMIT ?`,
        kind,
        after,
        limit,
      ),
    forgetDoomed: async (keys) =>
      undurably(() => {
        for (const { kind, storageKey } of keys) {
          statements.run('DELETE FROM doomed_keys WHERE kind = ? AND storage_key = ?', kind, storageKey);
        }
      }),
  };
}
