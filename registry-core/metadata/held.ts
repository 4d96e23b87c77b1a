import type { Digest } from '../../oci/digest.ts';
import { manifestHolders } from './holders.ts';
import { untaggedMs } from './policies.ts';
import type { Held } from './registry.ts';
import { repositoryName } from './repositories.ts';
import type { Retention } from './review.ts';
import type { Statements } from './statements.ts';

/** What a deletion released in a repository: blobs that it no longer refers to, manifests that lost a holder. */
export interface Released {
  repositoryId: number;
  blobs: readonly Digest[];
  manifests: readonly Digest[];
}

/**
 * Of what a deletion released, and of what hangs on that alone, the bytes that only leases and the untagged policy
 * still hold, and the earliest time at which a run may free something. What nothing holds is due now.
 */
export function held(statements: Statements, released: Released, now: number, retention: Retention): Held {
  const manifests = unheldManifests(statements, released, retention);
  const ids = JSON.stringify(manifests.map(({ id }) => id));
  const blobs = new Set([...released.blobs, ...blobsOf(statements, ids)]);
  let heldBytes = 0;
  let nextDue = Math.min(...manifests.map(({ dueAt }) => dueAt));
  for (const digest of blobs) {
    const blob = waitingBlob(statements, digest, ids);
    if (!blob) continue;
    heldBytes += blob.size;
    if (!blob.referred) nextDue = Math.min(nextDue, (blob.leaseUntil ?? 0) + retention.graceMs);
  }
  return { heldBytes, nextDue: nextDue === Number.POSITIVE_INFINITY ? undefined : Math.max(now, nextDue) };
}

interface UnheldManifest {
  id: number;
  digest: Digest;
  leaseUntil: number;
  unheldSince: number;
}

/** Those of the candidates that nothing holds, then what only those hold, and so on down; each when it may go. */
function unheldManifests(
  statements: Statements,
  { repositoryId, manifests }: Released,
  retention: Retention,
): { id: number; dueAt: number }[] {
  const untagged = untaggedMs(retention, repositoryName(statements, repositoryId));
  const found = new Map<number, { id: number; dueAt: number }>();
  // When the last of the found ones that hold a manifest goes. The untagged policy does not count for what goes along.
  const releasedAt = new Map<Digest, number>();
  for (let round = [...manifests]; round.length > 0; ) {
    const ids = JSON.stringify([...found.keys()]);
    const fresh = round.flatMap((digest) => unheldManifest(statements, repositoryId, digest, ids) ?? []);
    round = fresh
      .filter(({ id }) => !found.has(id))
      .flatMap((manifest) => {
        const { id, digest, leaseUntil, unheldSince } = manifest;
        const rest = unheldSince === 0 ? 0 : unheldSince + untagged + retention.graceMs;
        const dueAt = Math.max(leaseUntil + retention.graceMs, releasedAt.get(digest) ?? rest);
        found.set(id, { id, dueAt });
        const below = dependants(statements, repositoryId, manifest);
        for (const held of below) releasedAt.set(held, Math.max(dueAt, releasedAt.get(held) ?? 0));
        return below;
      });
  }
  return [...found.values()];
}

/** @param ids JSON list of manifests that count as gone. */
function unheldManifest(
  statements: Statements,
  repositoryId: number,
  digest: Digest,
  ids: string,
): UnheldManifest | undefined {
  const holders = manifestHolders({ manifest: (id) => `${id} IN (SELECT value FROM json_each(?3))` });
  return statements.get(
    `SELECT id, digest, lease_until AS leaseUntil, unheld_since AS unheldSince FROM manifests m
     WHERE repository_id = ?1 AND digest = ?2 AND NOT (${holders.tag} OR ${holders.index} OR ${holders.subject})`,
    repositoryId,
    digest,
    ids,
  );
}

function dependants(statements: Statements, repositoryId: number, { id, digest }: UnheldManifest): Digest[] {
  const rows = statements.all<{ digest: Digest }>(
    `SELECT digest FROM manifest_children WHERE manifest_id = ?
     UNION SELECT digest FROM manifests WHERE repository_id = ? AND subject = ?`,
    id,
    repositoryId,
    digest,
  );
  return rows.map((row) => row.digest);
}

function blobsOf(statements: Statements, ids: string): Digest[] {
  const rows = statements.all<{ digest: Digest }>(
    'SELECT DISTINCT digest FROM manifest_blobs WHERE manifest_id IN (SELECT value FROM json_each(?))',
    ids,
  );
  return rows.map((row) => row.digest);
}

/** A blob that no manifest of any repository refers to, but for those that are going. */
function waitingBlob(statements: Statements, digest: Digest, ids: string) {
  const referring = `SELECT 1 FROM links l JOIN manifest_blobs e
    ON e.repository_id = l.repository_id AND e.digest = l.digest WHERE l.digest = b.digest`;
  return statements.get<{ size: number; leaseUntil: number | null; referred: number }>(
    `SELECT size, (SELECT max(lease_until) FROM links WHERE digest = b.digest) AS leaseUntil,
       EXISTS (${referring}) AS referred
     FROM blobs b WHERE digest = ?1 AND state <> 'condemned'
       AND NOT EXISTS (${referring} AND e.manifest_id NOT IN (SELECT value FROM json_each(?2)))`,
    digest,
    ids,
  );
}
