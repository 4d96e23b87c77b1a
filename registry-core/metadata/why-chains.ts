import { repositoryInDoubt } from './holders.ts';
import { untaggedMs } from './policies.ts';
import { repositoryName } from './repositories.ts';
import type { Retention } from './review.ts';
import type { Statements } from './statements.ts';
import type { LeaseSource, WhyStep } from './why.ts';

/** A manifest's row; `dueAt` is null when it is in no plan. */
export interface Manifest {
  id: number;
  repositoryId: number;
  digest: string;
  kind: string;
  subject: string | null;
  size: number;
  leaseUntil: number;
  unheldSince: number;
  at: number;
  actor: string;
  requestId: string;
  dueAt: number | null;
}

export interface Link {
  repositoryId: number;
  repository: string;
  digest: string;
  size: number;
  leaseUntil: number;
  dueAt: number | null;
}

export const manifestColumns = `m.id, m.repository_id AS repositoryId, m.digest, m.kind, m.subject, m.size,
  m.lease_until AS leaseUntil, m.unheld_since AS unheldSince, m.pushed_at AS at, m.actor, m.request_id AS requestId,
  (SELECT due_at FROM gone_manifests WHERE id = m.id) AS dueAt`;

/**
 * Follows what keeps a thing, up to what keeps all of it, on the temporary tables of `onPlan` at infinity. They show
 * the way: what is in them is kept by time alone, and what is not has a holder that is not in them either, up to a
 * tag. So no walk goes astray, and who stops asking pays for no more. Each chain begins with its keeper.
 */
export class Chains {
  readonly #statements: Statements;
  readonly #retention: Retention;
  readonly #now: number;
  readonly #limit: number;

  /** @param limit of the holders of one thing that are followed. */
  constructor(statements: Statements, retention: Retention, now: number, limit: number) {
    this.#statements = statements;
    this.#retention = retention;
    this.#now = now;
    this.#limit = limit;
  }

  *ofLink(link: Link): Iterable<WhyStep[]> {
    const { repositoryId, digest } = link;
    const path: WhyStep[] = [{ kind: 'blob', digest }];
    const referring = this.#holders(
      `manifest_blobs e JOIN manifests m ON m.id = e.manifest_id WHERE e.repository_id = ? AND e.digest = ?`,
      link.dueAt,
      repositoryId,
      digest,
    );
    for (const manifest of referring) {
      yield* this.ofManifest(manifest, [manifestStep(manifest, 'manifest'), ...path], false);
    }
    yield* this.#lease(link, path);
    if (link.dueAt === null) yield* this.#doubt(repositoryId, path);
  }

  /** @param isAsked whether its own lease is told of, although a tag makes that one worthless. */
  *ofManifest(manifest: Manifest, path: WhyStep[], isAsked: boolean): Iterable<WhyStep[]> {
    const { repositoryId, digest, dueAt } = manifest;
    const tags = this.#tags(repositoryId, digest);
    for (const tag of tags) yield [tag, ...path];
    const indexes = this.#holders(
      'manifest_children e JOIN manifests m ON m.id = e.manifest_id WHERE e.repository_id = ? AND e.digest = ?',
      dueAt,
      repositoryId,
      digest,
    );
    for (const index of indexes) {
      yield* this.ofManifest(index, [manifestStep(index, 'index'), ...path], false);
    }
    const subjects = this.#holders(
      'manifests m WHERE m.repository_id = ? AND m.digest = ?',
      dueAt,
      repositoryId,
      manifest.subject,
    );
    for (const subject of subjects) {
      const [own, ...below] = path;
      const referrer: WhyStep = { ...(own as WhyStep & { kind: 'manifest' }), kind: 'referrer' };
      yield* this.ofManifest(subject, [manifestStep(subject, 'manifest'), referrer, ...below], false);
    }
    if (isAsked || dueAt !== null) yield* this.#lease(manifest, path);
    if (dueAt !== null && tags.length + indexes.length + subjects.length === 0)
      yield* this.#untagged(manifest, path);
    if (dueAt === null) yield* this.#doubt(repositoryId, path);
  }

  /** Of what is kept for good the holders that are kept so, too; of the rest all, the last to go first. */
  #holders(from: string, dueAt: number | null, ...parameters: unknown[]): Manifest[] {
    return this.#statements.all(
      `SELECT ${manifestColumns} FROM ${from}
       AND ${dueAt === null ? 'NOT' : ''} EXISTS (SELECT 1 FROM gone_manifests WHERE id = m.id)
       ORDER BY dueAt DESC LIMIT ${this.#limit + 1}`,
      ...parameters,
    );
  }

  #tags(repositoryId: number, digest: string): WhyStep[] {
    const rows = this.#statements.all<{
      name: string;
      at: number;
      actor: string;
      requestId: string;
      isDue: 0 | 1;
    }>(
      `SELECT name, updated_at AS at, actor, request_id AS requestId,
         EXISTS (SELECT 1 FROM gone_tags g WHERE g.repository_id = t.repository_id AND g.name = t.name) AS isDue
       FROM tags t WHERE repository_id = ? AND digest = ? ORDER BY isDue, name LIMIT ${this.#limit + 1}`,
      repositoryId,
      digest,
    );
    return rows.map((row) => ({ kind: 'tag', ...row, isDue: row.isDue === 1 }));
  }

  *#lease({ repositoryId, digest, leaseUntil }: Manifest | Link, path: WhyStep[]): Iterable<WhyStep[]> {
    const until = leaseUntil + this.#retention.graceMs;
    if (until <= this.#now) return;
    const renewedAt = leaseUntil - this.#retention.leaseMs;
    // What sets a lease is journaled in the same transaction, so with the same time.
    const event = this.#statements.get<{ kind: string; actor: string; requestId: string }>(
      `SELECT kind, actor, request_id AS requestId FROM events WHERE at = ? AND digest = ?
       AND kind IN ('blob.push', 'blob.mount', 'manifest.push')
       AND repository = (SELECT name FROM repositories WHERE id = ?)`,
      renewedAt,
      digest,
      repositoryId,
    );
    const { actor = null, requestId = null } = event ?? {};
    yield [{ kind: 'lease', until, renewedAt, by: leaseSource(event?.kind), actor, requestId }, ...path];
  }

  *#untagged({ repositoryId, unheldSince }: Manifest, path: WhyStep[]): Iterable<WhyStep[]> {
    const restMs = untaggedMs(this.#retention, repositoryName(this.#statements, repositoryId));
    const until = unheldSince + restMs + this.#retention.graceMs;
    if (unheldSince > 0 && until > this.#now)
      yield [{ kind: 'untagged', since: unheldSince, until }, ...path];
  }

  *#doubt(repositoryId: number, path: WhyStep[]): Iterable<WhyStep[]> {
    const row = this.#statements.get<{ digest: string }>(
      `SELECT m.digest FROM manifests m WHERE m.repository_id = ? AND m.kind NOT IN ('image', 'index', 'artifact')
       AND ${repositoryInDoubt('m.repository_id')} LIMIT 1`,
      repositoryId,
    );
    if (row) yield [{ kind: 'unknown type', digest: row.digest }, ...path];
  }
}

export function manifestStep(
  { kind, digest, at, actor, requestId }: Manifest,
  role: 'manifest' | 'index',
): WhyStep {
  return { kind: kind === 'index' ? 'index' : role, digest, at, actor, requestId };
}

function leaseSource(event: string | undefined): LeaseSource {
  if (event === 'blob.push') return 'upload';
  if (event === 'blob.mount') return 'mount';
  return event === 'manifest.push' ? 'push' : 'request';
}
