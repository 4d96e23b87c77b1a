import type { Migration } from '../../runtime/migrations.ts';

/** audit.db. Times are milliseconds since 1970. */
export const migrations: readonly Migration[] = [
  {
    name: 'blocks of entries, uses of credentials',
    sql: `
      -- What was recorded within a quarter of a second: one row, where a row for each entry costs four times as much.
      -- entries: a JSON array, in the order of recording. hash: SHA-256 of previous and entries, so each block
      -- vouches for all before it.
      CREATE TABLE blocks (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        first_at INTEGER NOT NULL,
        last_at INTEGER NOT NULL,
        count INTEGER NOT NULL CHECK (count > 0),
        previous BLOB NOT NULL,
        hash BLOB NOT NULL,
        entries TEXT NOT NULL
      ) STRICT;
      CREATE INDEX blocks_by_time ON blocks (last_at, first_at);

      -- For whoever looks with SQL.
      CREATE VIEW entries AS
        SELECT block.id AS block, entry.key AS position, entry.value ->> 'time' AS time,
          entry.value ->> 'action' AS action, entry.value ->> 'actor' AS actor,
          entry.value ->> 'actorKind' AS actor_kind, entry.value ->> 'credential' AS credential,
          entry.value ->> 'token' AS token, entry.value ->> 'address' AS address, entry.value ->> 'repository' AS repository,
          entry.value ->> 'reference' AS reference, entry.value ->> 'digest' AS digest,
          entry.value ->> 'subject' AS subject, entry.value ->> 'result' AS result,
          entry.value ->> 'status' AS status, entry.value ->> 'requestId' AS request_id,
          entry.value -> 'detail' AS detail
        FROM blocks AS block, json_each(block.entries) AS entry;

      -- When a token or secret was last used, and from where. In users.db it would void every cache of rights.
      CREATE TABLE credential_uses (
        credential TEXT PRIMARY KEY,
        used_at INTEGER NOT NULL,
        address TEXT NOT NULL
      ) STRICT, WITHOUT ROWID;
    `,
  },
];
