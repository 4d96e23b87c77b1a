import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pairs } from './model.ts';
import { type RealStore, unitMs } from './real.ts';
import {
  digestOf,
  doomedText,
  nameOfBlob,
  nameOfKey,
  nameOfSession,
  type RealOperations,
} from './real-names.ts';
import { blobOf, blobs, type Key, keyText } from './universe.ts';

/** What the collector does, on its own connection. */
export function collecting({ collection, harness }: RealStore) {
  const isWorkLeft = harness
    .prepare("SELECT EXISTS (SELECT 1 FROM review WHERE kind <> 'repository' AND due_at <= ?)")
    .pluck();
  return {
    'gc.expire': () => collection.expireSessions(),
    'gc.mark': async () => {
      // Empty repositories come last; they are no part of the facts, and the rest of the list in one go.
      if (isWorkLeft.get(Date.now())) {
        await collection.mark(0);
        return 'more';
      }
      while (!(await collection.mark(1000)).done);
      return 'done';
    },
    'gc.condemned': async (_, { after }) => {
      const rows = await collection.condemned(after === '' ? '' : blobs[after as 'x'].digest, 100);
      return rows.map(({ digest, storageKey }) => `${nameOfBlob(digest)}:${nameOfKey(storageKey)}`).join(',');
    },
    'gc.forgetCondemned': async (_, { list }) => {
      const entries = pairs(list).map(([blob, key]) => ({
        digest: blobs[blob].digest,
        storageKey: keyText(key),
      }));
      await collection.forgetCondemned(entries);
      return 1;
    },
    'gc.doomed': async (_, { kind, after }) => {
      const rows = await collection.doomedKeys(kind, after === '' ? '' : doomedText(kind, after as Key), 100);
      return rows
        .map(({ storageKey }) => (kind === 'blob' ? nameOfKey(storageKey) : nameOfSession(storageKey)))
        .join(',');
    },
    'gc.forgetDoomed': async (_, { kind, list }) => {
      const names = list.split(',') as Key[];
      await collection.forgetDoomed(names.map((name) => ({ kind, storageKey: doomedText(kind, name) })));
      return 1;
    },
  } satisfies Partial<RealOperations>;
}

/** What is none of the product's doing: time, deaths, and what only weaker versions would do. */
export function environment({ harness, tick, root }: RealStore) {
  return {
    tick: () => {
      tick();
      return 1;
    },
    'kill core': () => 1,
    'kill collector': () => 1,
    'weak.list': () => {
      const sql = 'SELECT digest FROM blobs b WHERE NOT EXISTS (SELECT 1 FROM links WHERE digest = b.digest)';
      const digests = harness.prepare(`${sql} ORDER BY digest`).pluck().all() as string[];
      return digests.map(nameOfBlob).join(',');
    },
    'weak.condemn': (_, { list }) => {
      const statement = harness.prepare("UPDATE blobs SET state = 'condemned' WHERE digest = ?");
      for (const blob of list.split(',')) statement.run(blobs[blob as 'x'].digest);
      return 1;
    },
    'weak.restore': (_, { key }) => {
      writeFileSync(join(root, 'blobs', keyText(key)), blobs[blobOf(key)].bytes);
      const leaseUntil = Date.now() + 2 * unitMs;
      harness.exec(`
        INSERT INTO blobs (digest, size, state, storage_key, created_at)
          VALUES ('${digestOf(key)}', 64, 'present', '${keyText(key)}', 0)
          ON CONFLICT DO UPDATE SET state = 'present', storage_key = excluded.storage_key;
        INSERT INTO links (repository_id, digest, lease_until, created_at)
          SELECT id, '${digestOf(key)}', ${leaseUntil}, 0 FROM repositories WHERE name = 'a'
          ON CONFLICT DO UPDATE SET lease_until = excluded.lease_until;
        INSERT INTO review (kind, repository_id, digest, due_at)
          SELECT 'link', id, '${digestOf(key)}', ${leaseUntil} FROM repositories WHERE name = 'a'
          ON CONFLICT DO NOTHING`);
      return 1;
    },
  } satisfies Partial<RealOperations>;
}
