import type { Database } from '../../runtime/sqlite.ts';
import type { Facts } from './facts.ts';
import {
  type Blob,
  blobs,
  type Key,
  keyText,
  manifestNames,
  manifests,
  type Session,
  sessionId,
} from './universe.ts';

const names = new Map<string, string>();
for (const key of ['k0', 'p', 'm', 'u', 's'] as Key[]) names.set(keyText(key), key);
for (const session of ['p', 'm', 'u', 's'] as Session[]) names.set(sessionId(session), session);
for (const blob of ['x', 'y'] as Blob[]) names.set(blobs[blob].digest, blob);
for (const manifest of manifestNames) names.set(manifests[manifest].digest, manifest);

/** The short name of a digest, a storage key or a session; undefined of what is only there to keep a repository. */
const nameOf = (text: unknown): string | undefined => names.get(String(text));

/** Reads the facts from the real tables. Columns on which nothing depends, times of creation and actors, are left out. */
export function factReader(database: Database, { now, unitMs }: { now: number; unitMs: number }) {
  const queries: [string, (row: unknown[]) => [string | undefined, number | string]][] = [
    [
      'SELECT digest, state, storage_key FROM blobs',
      ([d, state, key]) => [`blob ${nameOf(d)}`, `${state} ${nameOf(key)}`],
    ],
    [
      'SELECT name, digest, lease_until FROM links JOIN repositories ON id = repository_id',
      ([repository, digest, until]) => [`link ${repository} ${nameOf(digest)}`, left(until)],
    ],
    [
      'SELECT name, digest, lease_until FROM manifests m JOIN repositories r ON r.id = m.repository_id',
      ([repository, digest, until]) => [
        nameOf(digest) && `manifest ${repository} ${nameOf(digest)}`,
        left(until),
      ],
    ],
    [
      'SELECT r.name, t.name, digest FROM tags t JOIN repositories r ON r.id = t.repository_id',
      ([repository, tag, digest]) => [nameOf(digest) && `tag ${repository} ${tag}`, nameOf(digest)!],
    ],
    [
      'SELECT id, state, closing_key FROM upload_sessions',
      ([id, state, key]) => [
        `session ${nameOf(id)}`,
        key === null ? String(state) : `${state} ${nameOf(key)}`,
      ],
    ],
    ['SELECT id, expires_at FROM upload_sessions', ([id, at]) => [`expiry ${nameOf(id)}`, left(at)]],
    [
      'SELECT session, storage_key FROM blob_journal',
      ([session, key]) => [`journal ${nameOf(session)}`, nameOf(key)!],
    ],
    ['SELECT kind, storage_key FROM doomed_keys', ([kind, key]) => [`doomed ${kind} ${nameOf(key)}`, 1]],
    [
      `SELECT kind, name, digest, due_at FROM review LEFT JOIN repositories ON id = repository_id
       WHERE kind <> 'repository'`,
      ([kind, repository, digest, at]) => [
        nameOf(digest) && `due ${[kind, repository, nameOf(digest)].filter(Boolean).join(' ')}`,
        left(at),
      ],
    ],
  ];
  const prepared = queries.map(([sql, fact]) => ({ statement: database.prepare(sql).raw(), fact }));
  const left = (until: unknown) => Math.max(0, Math.ceil((Number(until) - now) / unitMs));
  return (files: readonly string[]): Facts => {
    const facts: Facts = new Map();
    for (const { statement, fact } of prepared) {
      for (const row of statement.all() as unknown[][]) {
        const [name, value] = fact(row);
        if (name !== undefined) facts.set(name, value);
      }
    }
    for (const file of files) {
      const [folder, ...rest] = file.split('/');
      const name = nameOf(rest.join('/'));
      facts.set(folder === 'uploads' ? `upload ${name}` : `file ${name}`, 1);
    }
    return facts;
  };
}
