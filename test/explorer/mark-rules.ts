import { blobFact, type Facts, tagsOf } from './facts.ts';
import type { Result } from './operations.ts';
import { Rules } from './rules.ts';
import {
  type Blob,
  blobs,
  contents,
  type Manifest,
  manifestNames,
  manifests,
  type Repository,
  repositories,
} from './universe.ts';

const byDigest = (a: Blob, b: Blob): number => (blobs[a].digest < blobs[b].digest ? -1 : 1);
/** Mark takes entries in the order of its index, condemned blobs come in that of their digests. */
export const blobsInOrder = (Object.keys(blobs) as Blob[]).toSorted(byDigest);
const manifestsInOrder = manifestNames.toSorted((a, b) =>
  manifests[a].digest < manifests[b].digest ? -1 : 1,
);

/** What the collector's transactions do to the facts. */
export class MarkRules extends Rules {
  manifestLease(facts: Facts, name: string): number {
    return Number(facts.get(name));
  }

  /** One entry of the review list, manifests first. */
  mark(facts: Facts): Result {
    const due = (name: string) => facts.get(`due ${name}`) === 0;
    for (const repository of repositories) {
      for (const manifest of manifestsInOrder) {
        if (due(`manifest ${repository} ${manifest}`)) return this.markManifest(facts, repository, manifest);
      }
    }
    for (const repository of repositories) {
      for (const blob of blobsInOrder)
        if (due(`link ${repository} ${blob}`)) return this.markLink(facts, repository, blob);
    }
    for (const blob of blobsInOrder) if (due(`blob ${blob}`)) return this.markBlob(facts, blob);
    return 'done';
  }

  markManifest(facts: Facts, repository: Repository, manifest: Manifest): Result {
    const name = `manifest ${repository} ${manifest}`;
    facts.delete(`due ${name}`);
    const { subject } = contents[manifest];
    const isTagged = tagsOf(facts).some((row) => row.repository === repository && row.manifest === manifest);
    const hasSubject = subject !== undefined && facts.has(`manifest ${repository} ${subject}`);
    const isHeld = isTagged || hasSubject || this.listing(facts, repository, manifest).length > 0;
    if (!facts.has(name) || isHeld) return 'more';
    const left = this.manifestLease(facts, name);
    if (left > 0) facts.set(`due ${name}`, left);
    else this.removeManifest(facts, repository, manifest);
    return 'more';
  }

  markLink(facts: Facts, repository: Repository, blob: Blob): Result {
    const name = `link ${repository} ${blob}`;
    facts.delete(`due ${name}`);
    if (!facts.has(name) || this.referring(facts, repository, blob)) return 'more';
    const left = Number(facts.get(name));
    if (left > 0) {
      facts.set(`due ${name}`, left);
      return 'more';
    }
    facts.delete(name);
    if (!this.isLinked(facts, blob)) this.condemn(facts, blob);
    return 'more';
  }

  isLinked(facts: Facts, blob: Blob): boolean {
    return repositories.some((repository) => facts.has(`link ${repository} ${blob}`));
  }

  markBlob(facts: Facts, blob: Blob): Result {
    facts.delete(`due blob ${blob}`);
    if (!this.isLinked(facts, blob)) this.condemn(facts, blob);
    return 'more';
  }

  condemn(facts: Facts, blob: Blob): void {
    const row = blobFact(facts, blob);
    if (row) facts.set(`blob ${blob}`, `condemned ${row.key}`);
  }
}
