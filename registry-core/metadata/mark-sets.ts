import { linkHolder, repositoryInDoubt } from './holders.ts';
import type { Retention } from './review.ts';
import type { Statements } from './statements.ts';
import type { TrashRecords } from './trash.ts';

/** What became of a batch of links that were due for review. */
export interface LinksReviewed {
  reviewed: number;
  deleted: number;
  /** Blobs that lost their last link with them. */
  condemned: number;
  /** Held by nothing but time; in doubt; both stay on the list. */
  waiting: { repositoryId: number; digest: string; dueAt: number }[];
  inDoubt: { repositoryId: number; digest: string; repository: string }[];
}

interface LinkRow {
  repositoryId: number;
  digest: string;
  verdict: 'strike' | 'wait' | 'doubt' | 'go';
  leaseUntil: number | null;
}

/**
 * Decides about links that are due, a batch at a time, since after a day of pushes there are as many of them as
 * blobs. Holders are looked up in the transaction that deletes, as everywhere in mark.
 */
export function reviewLinks(
  statements: Statements,
  trash: TrashRecords,
  { graceMs }: Retention,
  now: number,
  limit: number,
): LinksReviewed {
  const rows = statements.all<LinkRow>(
    `SELECT v.repository_id AS repositoryId, v.digest, l.lease_until AS leaseUntil, CASE
       WHEN l.digest IS NULL OR ${linkHolder()} THEN 'strike'
       WHEN l.lease_until + ?2 > ?1 THEN 'wait'
       WHEN ${repositoryInDoubt('l.repository_id')} THEN 'doubt'
       ELSE 'go' END AS verdict
     FROM (SELECT repository_id, digest FROM review WHERE kind = 'link' AND due_at <= ?1
           ORDER BY due_at LIMIT ?3) v
     LEFT JOIN links l ON l.repository_id = v.repository_id AND l.digest = v.digest`,
    now,
    graceMs,
    limit,
  );
  const going = rows.filter(({ verdict }) => verdict === 'go');
  const condemned = going.length > 0 ? deleteLinks(statements, trash, going, now) : 0;
  strikeAll(
    statements,
    'link',
    rows.filter(({ verdict }) => verdict === 'go' || verdict === 'strike'),
  );
  return {
    reviewed: rows.length,
    deleted: going.length,
    condemned,
    waiting: rows
      .filter(({ verdict }) => verdict === 'wait')
      .map(({ repositoryId, digest, leaseUntil }) => ({
        repositoryId,
        digest,
        dueAt: leaseUntil! + graceMs,
      })),
    inDoubt: rows
      .filter(({ verdict }) => verdict === 'doubt')
      .map(({ repositoryId, digest }) => ({
        repositoryId,
        digest,
        repository: nameOf(statements, repositoryId),
      })),
  };
}

/**
 * What loses its last link here is condemned at once: no link can come back before this transaction is over.
 * @returns how many blobs were.
 */
function deleteLinks(
  statements: Statements,
  trash: TrashRecords,
  links: readonly { repositoryId: number; digest: string }[],
  now: number,
): number {
  for (const { repositoryId, digest } of links) trash.link(repositoryId, digest, now);
  const pairs = pairsOf(links);
  statements.run(`DELETE FROM links WHERE (repository_id, digest) IN (${pairsIn})`, pairs);
  // While a link is left, whoever takes the last one away puts the repository on the list.
  statements.run(
    `INSERT INTO review (kind, repository_id, digest, due_at)
     SELECT DISTINCT 'repository', value ->> 0, '', ?2 FROM json_each(?1)
     WHERE NOT EXISTS (SELECT 1 FROM links WHERE repository_id = value ->> 0)
     ON CONFLICT DO UPDATE SET due_at = min(due_at, excluded.due_at)`,
    pairs,
    now,
  );
  return condemnUnlinked(statements, links);
}

/** Condemns those blobs that are due and that no repository links to. */
export function reviewBlobs(
  statements: Statements,
  now: number,
  limit: number,
): { reviewed: number; condemned: number } {
  const rows = statements.all<{ repositoryId: number; digest: string }>(
    `SELECT repository_id AS repositoryId, digest FROM review
     WHERE kind = 'blob' AND due_at <= ? ORDER BY due_at LIMIT ?`,
    now,
    limit,
  );
  if (rows.length === 0) return { reviewed: 0, condemned: 0 };
  const condemned = condemnUnlinked(statements, rows);
  strikeAll(statements, 'blob', rows);
  return { reviewed: rows.length, condemned };
}

function condemnUnlinked(statements: Statements, blobs: readonly { digest: string }[]): number {
  const digests = JSON.stringify(blobs.map(({ digest }) => digest));
  const unlinked = `digest IN (SELECT value FROM json_each(?1))
    AND NOT EXISTS (SELECT 1 FROM links WHERE links.digest = blobs.digest)`;
  const condemned = statements.run(
    `UPDATE blobs SET state = 'condemned', condemned_by = (SELECT max(id) FROM gc_runs)
     WHERE ${unlinked} AND state <> 'condemned' AND storage_key IS NOT NULL`,
    digests,
  );
  // A digest without bytes (a mirror) has no file to wait for. Two links of one digest count twice here: no harm.
  if (condemned < blobs.length)
    statements.run(`DELETE FROM blobs WHERE ${unlinked} AND storage_key IS NULL`, digests);
  return condemned;
}

const pairsIn = 'SELECT value ->> 0, value ->> 1 FROM json_each(?1)';

function strikeAll(
  statements: Statements,
  kind: 'link' | 'blob',
  entries: readonly { repositoryId: number; digest: string }[],
): void {
  if (entries.length === 0) return;
  statements.run(
    `DELETE FROM review WHERE kind = '${kind}' AND (repository_id, digest) IN (${pairsIn})`,
    pairsOf(entries),
  );
}

function pairsOf(entries: readonly { repositoryId: number; digest: string }[]): string {
  return JSON.stringify(entries.map(({ repositoryId, digest }) => [repositoryId, digest]));
}

function nameOf(statements: Statements, repositoryId: number): string {
  return statements.get<{ name: string }>('SELECT name FROM repositories WHERE id = ?', repositoryId)!.name;
}
