import type { Database } from '../../runtime/sqlite.ts';
import { linkHolder, manifestHolders, repositoryInDoubt } from './holders.ts';
import type { Retention } from './review.ts';
import type { Statements } from './statements.ts';

/** What a run at some time would do. Sizes are bytes. */
export interface Plan {
  manifests: { repository: string; digest: string }[];
  links: number;
  blobs: number;
  bytes: number;
  sessions: number;
}

const gone = { manifest: (id: string) => `${id} IN (SELECT id FROM temp.gone_manifests)` };

/**
 * Goes through mark's decisions on one snapshot, keeping what would be deleted in temporary tables: those live in a
 * database of their own, so no writer waits for a plan. Like mark it starts from the review list, so its cost
 * follows what waits and not the store.
 * @param at the time of the run; infinity: all that will go in the end, if nobody comes back to it.
 */
export function planRun(database: Database, statements: Statements, retention: Retention, at: number): Plan {
  database.exec(`
    CREATE TEMP TABLE IF NOT EXISTS gone_manifests (id INTEGER PRIMARY KEY, round INTEGER NOT NULL);
    CREATE TEMP TABLE IF NOT EXISTS gone_links (repository_id, digest, PRIMARY KEY (repository_id, digest))`);
  const now = Math.min(at, Number.MAX_SAFE_INTEGER);
  const work = database.transaction(() => {
    database.exec('DELETE FROM temp.gone_manifests; DELETE FROM temp.gone_links');
    for (let round = 0; planManifests(statements, retention, now, round) > 0; round++);
    const links = planLinks(statements, retention, now);
    return { ...readPlan(statements, now), links };
  });
  return work.deferred();
}

/** Round 0 takes what is due, each further one what the round before released. @returns how many it took. */
function planManifests(
  statements: Statements,
  { untaggedMs, graceMs }: Retention,
  now: number,
  round: number,
): number {
  const holders = manifestHolders(gone);
  const due = "SELECT repository_id, digest FROM review WHERE kind = 'manifest' AND due_at <= ?1";
  const before = 'SELECT id FROM temp.gone_manifests WHERE round = ?4 - 1';
  const released = `SELECT repository_id, digest FROM manifest_children WHERE manifest_id IN (${before})
    UNION SELECT r.repository_id, r.digest FROM manifests r JOIN manifests s
      ON s.repository_id = r.repository_id AND s.digest = r.subject WHERE s.id IN (${before})`;
  return statements.run(
    `INSERT INTO temp.gone_manifests SELECT m.id, ?4 FROM (${round === 0 ? due : released}) c
     CROSS JOIN manifests m ON m.repository_id = c.repository_id AND m.digest = c.digest
     WHERE NOT ${gone.manifest('m.id')} AND NOT (${holders.tag} OR ${holders.index} OR ${holders.subject})
       AND m.lease_until + ?2 <= ?1
       AND (${round > 0 ? 1 : 0} OR m.unheld_since = 0 OR m.unheld_since + ?3 + ?2 <= ?1)
       AND NOT ${repositoryInDoubt('m.repository_id')}`,
    now,
    graceMs,
    untaggedMs,
    round,
  );
}

function planLinks(statements: Statements, { graceMs }: Retention, now: number): number {
  return statements.run(
    `INSERT INTO temp.gone_links SELECT l.repository_id, l.digest FROM (
       SELECT repository_id, digest FROM review WHERE kind = 'link' AND due_at <= ?1
       UNION SELECT repository_id, digest FROM manifest_blobs
         WHERE manifest_id IN (SELECT id FROM temp.gone_manifests)) c
     CROSS JOIN links l ON l.repository_id = c.repository_id AND l.digest = c.digest
     WHERE l.lease_until + ?2 <= ?1 AND NOT ${linkHolder(gone)} AND NOT ${repositoryInDoubt('l.repository_id')}`,
    now,
    graceMs,
  );
}

function readPlan(statements: Statements, now: number): Omit<Plan, 'links'> {
  const manifests = statements.all<{ repository: string; digest: string }>(
    `SELECT r.name AS repository, m.digest FROM temp.gone_manifests g CROSS JOIN manifests m ON m.id = g.id
     JOIN repositories r ON r.id = m.repository_id ORDER BY 1, 2`,
  );
  const { blobs, bytes } = statements.get<{ blobs: number; bytes: number }>(
    `SELECT count(*) AS blobs, coalesce(sum(size), 0) AS bytes FROM (
       SELECT digest FROM temp.gone_links
       UNION SELECT digest FROM review WHERE kind = 'blob' AND due_at <= ?
       UNION SELECT digest FROM blobs WHERE state = 'condemned') c
     CROSS JOIN blobs b ON b.digest = c.digest
     WHERE NOT EXISTS (SELECT 1 FROM links l WHERE l.digest = b.digest
       AND (l.repository_id, l.digest) NOT IN (SELECT repository_id, digest FROM temp.gone_links))`,
    now,
  )!;
  const { sessions } = statements.get<{ sessions: number }>(
    'SELECT count(*) AS sessions FROM upload_sessions WHERE expires_at <= ?',
    now,
  )!;
  return { manifests, blobs, bytes, sessions };
}
