import type { Database } from '../../runtime/sqlite.ts';
import { linkHolder, manifestHolders, repositoryInDoubt } from './holders.ts';
import { untaggedMs } from './policies.ts';
import type { Retention } from './review.ts';
import type { Statements } from './statements.ts';
import { TagSelection } from './tag-selection.ts';

/** What a run at some time would do. Sizes are bytes. */
export interface Plan {
  tags: { repository: string; tag: string; digest: string }[];
  manifests: { repository: string; digest: string }[];
  links: number;
  blobs: number;
  bytes: number;
  sessions: number;
}

const gone = {
  manifest: (id: string) => `${id} IN (SELECT id FROM temp.gone_manifests)`,
  tag: (tag: string) =>
    `(${tag}.repository_id, ${tag}.name) IN (SELECT repository_id, name FROM temp.gone_tags)`,
};

/**
 * Goes through mark's decisions on one snapshot, keeping what would be deleted in temporary tables: those live in a
 * database of their own, so no writer waits for a plan. Like mark it starts from the review list, so its cost
 * follows what waits and not the store.
 * @param at the time of the run; infinity: all that will go in the end, if nobody comes back to it.
 */
export function planRun(database: Database, statements: Statements, retention: Retention, at: number): Plan {
  return onPlan(database, statements, retention, at, (time) => readPlan(statements, time));
}

/**
 * The same, for a reader of its own of the temporary tables. Each row has `due_at`, the earliest time at which a run
 * takes it: its own lease and policy are over by then, and so is all that held it.
 */
export function onPlan<Result>(
  database: Database,
  statements: Statements,
  retention: Retention,
  at: number,
  read: (time: number) => Result,
): Result {
  database.exec(temporaryTables);
  database.function('untagged_ms', (repository) => untaggedMs(retention, repository as string));
  const time = Math.min(at, Number.MAX_SAFE_INTEGER);
  const work = database.transaction(() => {
    database.exec(
      'DELETE FROM gone_tags; DELETE FROM gone_manifests; DELETE FROM gone_links; DELETE FROM gone_blobs',
    );
    const now = Math.min(time, Date.now());
    planTags(statements, retention, now);
    for (let round = 0; planManifests(statements, retention, time, now, round) > 0; round++);
    planLinks(statements, retention, time);
    planBlobs(statements, time);
    return read(time);
  });
  return work.deferred();
}

/** round: 0 is due by itself, a further one was held by `holder`, the one of its holders that goes last. */
const temporaryTables = `
  CREATE TEMP TABLE IF NOT EXISTS gone_tags
    (repository_id INTEGER, name TEXT, digest TEXT NOT NULL, PRIMARY KEY (repository_id, name)) WITHOUT ROWID;
  CREATE TEMP TABLE IF NOT EXISTS gone_manifests
    (id INTEGER PRIMARY KEY, round INTEGER NOT NULL, due_at INTEGER NOT NULL, holder INTEGER);
  CREATE INDEX IF NOT EXISTS temp.gone_manifests_by_round ON gone_manifests (round);
  CREATE TEMP TABLE IF NOT EXISTS gone_links
    (repository_id INTEGER, digest TEXT, due_at INTEGER NOT NULL, PRIMARY KEY (repository_id, digest)) WITHOUT ROWID;
  CREATE TEMP TABLE IF NOT EXISTS gone_blobs (digest TEXT PRIMARY KEY, due_at INTEGER NOT NULL) WITHOUT ROWID`;

/** Round 0 takes what is due, each further one what the round before released. @returns how many it took. */
function planManifests(
  statements: Statements,
  retention: Retention,
  time: number,
  now: number,
  round: number,
): number {
  return round === 0
    ? planDueManifests(statements, retention, time, now)
    : planReleasedManifests(statements, retention, time, round);
}

const isFree = (() => {
  const holders = manifestHolders(gone);
  return `NOT ${gone.manifest('m.id')} AND NOT (${holders.tag} OR ${holders.index} OR ${holders.subject})
    AND NOT ${repositoryInDoubt('m.repository_id')}`;
})();

/** What a policy takes the tag from is untagged since now, and due when that rest is over. */
function planDueManifests(statements: Statements, { graceMs }: Retention, time: number, now: number): number {
  const since = 'coalesce(c.untagged_at, m.unheld_since)';
  const rest = `iif(${since} = 0, 0, ${since} + untagged_ms((SELECT name FROM repositories WHERE id = m.repository_id)) + ?2)`;
  const due = `max(m.lease_until + ?2, ${rest}, c.due_at)`;
  return statements.run(
    `INSERT INTO gone_manifests SELECT m.id, 0, ${due}, NULL
     FROM (SELECT repository_id, digest, min(due_at) AS due_at, max(untagged_at) AS untagged_at FROM (
       SELECT repository_id, digest, due_at, NULL AS untagged_at FROM review WHERE kind = 'manifest' AND due_at <= ?1
       UNION ALL SELECT repository_id, digest, 0, ?3 FROM gone_tags) GROUP BY repository_id, digest) c
     CROSS JOIN manifests m ON m.repository_id = c.repository_id AND m.digest = c.digest
     WHERE ${isFree} AND ${due} <= ?1`,
    time,
    graceMs,
    now,
  );
}

/** Tags go by the policies of now, whatever time the plan is for: who pulls them later keeps them. */
function planTags(statements: Statements, retention: Retention, now: number): void {
  for (const { repositoryId, tags, inDoubt } of new TagSelection(statements, retention).due(now)) {
    for (const { name, digest } of inDoubt ? [] : tags)
      statements.run(
        'INSERT INTO gone_tags (repository_id, name, digest) VALUES (?, ?, ?)',
        repositoryId,
        name,
        digest,
      );
  }
}

/** What goes with its index or its subject does not wait for the untagged policy. */
function planReleasedManifests(
  statements: Statements,
  { graceMs }: Retention,
  time: number,
  round: number,
): number {
  const before = 'SELECT id FROM gone_manifests WHERE round = ?3 - 1';
  const holders = `SELECT g.id, g.due_at FROM manifest_children e JOIN gone_manifests g ON g.id = e.manifest_id
      WHERE e.repository_id = m.repository_id AND e.digest = m.digest
    UNION SELECT g.id, g.due_at FROM manifests s JOIN gone_manifests g ON g.id = s.id
      WHERE s.repository_id = m.repository_id AND s.digest = m.subject`;
  return statements.run(
    `INSERT INTO gone_manifests
     SELECT m.id, ?3, max(m.lease_until + ?2, (SELECT max(due_at) FROM (${holders}))),
       (SELECT id FROM (${holders}) ORDER BY due_at DESC LIMIT 1)
     FROM (SELECT repository_id, digest FROM manifest_children WHERE manifest_id IN (${before})
       UNION SELECT r.repository_id, r.digest FROM manifests r JOIN manifests s
         ON s.repository_id = r.repository_id AND s.digest = r.subject WHERE s.id IN (${before})) c
     CROSS JOIN manifests m ON m.repository_id = c.repository_id AND m.digest = c.digest
     WHERE ${isFree} AND m.lease_until + ?2 <= ?1`,
    time,
    graceMs,
    round,
  );
}

/** A link that a manifest holds is struck from the list when it is looked at, and due again when that one goes. */
function planLinks(statements: Statements, { graceMs }: Retention, time: number): void {
  const released = `SELECT max(g.due_at) FROM manifest_blobs e JOIN gone_manifests g ON g.id = e.manifest_id
    WHERE e.repository_id = l.repository_id AND e.digest = l.digest`;
  statements.run(
    `INSERT INTO gone_links SELECT l.repository_id, l.digest, max(l.lease_until + ?2, coalesce((${released}), c.due_at))
     FROM (SELECT repository_id, digest, max(due_at) AS due_at FROM (
       SELECT repository_id, digest, due_at FROM review WHERE kind = 'link' AND due_at <= ?1
       UNION ALL SELECT repository_id, digest, 0 FROM manifest_blobs
         WHERE manifest_id IN (SELECT id FROM gone_manifests)) GROUP BY repository_id, digest) c
     CROSS JOIN links l ON l.repository_id = c.repository_id AND l.digest = c.digest
     WHERE l.lease_until + ?2 <= ?1 AND NOT ${linkHolder(gone)} AND NOT ${repositoryInDoubt('l.repository_id')}`,
    time,
    graceMs,
  );
}

function planBlobs(statements: Statements, time: number): void {
  statements.run(
    `INSERT INTO gone_blobs SELECT b.digest, max(c.due_at)
     FROM (SELECT digest, due_at FROM gone_links
       UNION ALL SELECT digest, due_at FROM review WHERE kind = 'blob' AND due_at <= ?
       UNION ALL SELECT digest, 0 FROM blobs WHERE state = 'condemned') c
     CROSS JOIN blobs b ON b.digest = c.digest
     WHERE NOT EXISTS (SELECT 1 FROM links l WHERE l.digest = b.digest
       AND (l.repository_id, l.digest) NOT IN (SELECT repository_id, digest FROM gone_links))
     GROUP BY b.digest`,
    time,
  );
}

function readPlan(statements: Statements, time: number): Plan {
  const manifests = statements.all<{ repository: string; digest: string }>(
    `SELECT r.name AS repository, m.digest FROM gone_manifests g CROSS JOIN manifests m ON m.id = g.id
     JOIN repositories r ON r.id = m.repository_id ORDER BY 1, 2`,
  );
  const tags = statements.all<{ repository: string; tag: string; digest: string }>(
    `SELECT r.name AS repository, g.name AS tag, g.digest FROM gone_tags g JOIN repositories r ON r.id = g.repository_id
     ORDER BY 1, 2`,
  );
  const counts = statements.get<Omit<Plan, 'tags' | 'manifests'>>(
    `SELECT (SELECT count(*) FROM gone_links) AS links,
       count(*) AS blobs, coalesce(sum(iif(b.storage_key IS NULL, 0, b.size)), 0) AS bytes,
       (SELECT count(*) FROM upload_sessions WHERE expires_at <= ?) AS sessions
     FROM gone_blobs g CROSS JOIN blobs b ON b.digest = g.digest`,
    time,
  )!;
  return { tags, manifests, ...counts };
}
