import type { Statements } from './statements.ts';
import { type Chains, type Link, type Manifest, manifestColumns, manifestStep } from './why-chains.ts';

/** What is asked about: in one repository, or wherever the digest is. */
export interface WhyQuestion {
  repository: string | undefined;
  reference: { digest: string } | { tag: string };
}

/** Times are ms since 1970, sizes bytes. `dueAt` is when a run can take it: null, not by itself. */
export interface Why {
  digest: string;
  /** The bytes, which go when the last repository has lost its link; null when the digest is no blob's. */
  blob: { size: number; state: string; condemnedBy: number | null; dueAt: number | null } | null;
  /** Where it is, the repository that was asked about alone, or all. */
  places: WhyPlace[];
  /** Other repositories that link to the blob. */
  elsewhere: { repository: string; dueAt: number | null }[];
  /** Whether there are further places, or further repositories. */
  more: boolean;
}

export interface WhyPlace {
  repository: string;
  kind: 'manifest' | 'blob';
  size: number;
  dueAt: number | null;
  /** What keeps it, at most `limit` chains: from the keeper down to what was asked about. */
  chains: WhyStep[][];
  /** Whether there are further chains. */
  more: boolean;
}

export type WhyStep =
  /** isDue: by a policy the next run deletes it. */
  | { kind: 'tag'; name: string; at: number; actor: string; requestId: string; isDue: boolean }
  | {
      kind: 'lease';
      until: number;
      renewedAt: number;
      by: LeaseSource;
      actor: string | null;
      requestId: string | null;
    }
  | { kind: 'untagged'; since: number; until: number }
  | { kind: 'unknown type'; digest: string }
  | { kind: 'manifest' | 'index'; digest: string; at: number; actor: string; requestId: string }
  | { kind: 'referrer'; digest: string; at: number; actor: string; requestId: string }
  | { kind: 'blob'; digest: string };

/** request: a HEAD or GET renewed it, which the journal does not keep. */
export type LeaseSource = 'upload' | 'mount' | 'push' | 'request';

/** Answers on the temporary tables of `onPlan` at infinity: what they say of a time is what it says. */
export class Explainer {
  readonly #statements: Statements;
  readonly #chains: Chains;
  readonly #limit: number;

  /** @param limit of chains for each place, of places, and of other repositories. */
  constructor(statements: Statements, chains: Chains, limit: number) {
    this.#statements = statements;
    this.#chains = chains;
    this.#limit = limit;
  }

  /** @returns undefined when there is no such thing. */
  explain({ repository, reference }: WhyQuestion): Why | undefined {
    const digest = 'digest' in reference ? reference.digest : this.#tagged(repository, reference.tag);
    if (digest === undefined) return undefined;
    const links = this.#links(digest);
    const manifests = this.#manifests(digest);
    const asked = ({ repository: name }: { repository: string }) => !repository || name === repository;
    const others = links.filter((link) => !asked(link));
    const there = [
      ...manifests.filter(asked).map((manifest) => () => this.#manifestPlace(manifest)),
      ...links.filter(asked).map((link) => () => this.#blobPlace(link)),
    ];
    const places = there.slice(0, this.#limit).map((explain) => explain());
    const blob = this.#statements.get<NonNullable<Why['blob']>>(
      `SELECT size, state, condemned_by AS condemnedBy, (SELECT due_at FROM gone_blobs WHERE digest = b.digest) AS dueAt
       FROM blobs b WHERE digest = ?`,
      digest,
    );
    if (places.length === 0 && (repository || !blob)) return undefined;
    const elsewhere = others
      .slice(0, this.#limit)
      .map(({ repository: name, dueAt }) => ({ repository: name, dueAt }));
    const more = there.length > places.length || others.length > elsewhere.length;
    return { digest, blob: blob ?? null, places, elsewhere, more };
  }

  #tagged(repository: string | undefined, tag: string): string | undefined {
    return this.#statements.get<{ digest: string }>(
      'SELECT digest FROM tags WHERE repository_id = (SELECT id FROM repositories WHERE name = ?) AND name = ?',
      repository,
      tag,
    )?.digest;
  }

  #links(digest: string): Link[] {
    return this.#statements.all(
      `SELECT l.repository_id AS repositoryId, r.name AS repository, l.digest, b.size, l.lease_until AS leaseUntil,
         (SELECT due_at FROM gone_links WHERE repository_id = l.repository_id AND digest = l.digest) AS dueAt
       FROM links l JOIN repositories r ON r.id = l.repository_id JOIN blobs b ON b.digest = l.digest
       WHERE l.digest = ? ORDER BY r.name`,
      digest,
    );
  }

  #manifests(digest: string): (Manifest & { repository: string })[] {
    return this.#statements.all(
      `SELECT ${manifestColumns}, r.name AS repository FROM repositories r
       CROSS JOIN manifests m ON m.repository_id = r.id AND m.digest = ? ORDER BY r.name`,
      digest,
    );
  }

  #manifestPlace(manifest: Manifest & { repository: string }): WhyPlace {
    const { repository, size, dueAt } = manifest;
    const step = manifestStep(manifest, 'manifest');
    const found = this.#take(this.#chains.ofManifest(manifest, [step], true));
    return { repository, kind: 'manifest', size, dueAt, ...found };
  }

  #blobPlace(link: Link): WhyPlace {
    const { repository, size, dueAt } = link;
    return { repository, kind: 'blob', size, dueAt, ...this.#take(this.#chains.ofLink(link)) };
  }

  #take(chains: Iterable<WhyStep[]>): { chains: WhyStep[][]; more: boolean } {
    const found: WhyStep[][] = [];
    for (const chain of chains) {
      if (found.length === this.#limit) return { chains: found, more: true };
      found.push(chain);
    }
    return { chains: found, more: false };
  }
}
