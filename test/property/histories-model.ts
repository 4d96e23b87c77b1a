/** What a client may push as a manifest, and what the registry has to know of it. */
export interface Manifest {
  digest: string;
  content: Buffer;
  blobs: readonly string[];
  children: readonly string[];
  subject: string | undefined;
}

interface StoredManifest extends Manifest {
  leaseUntil: number;
  /** Since when neither tag, index nor subject held it; `released` when it goes with one that was removed. */
  unheldSince: number | 'released';
}

interface Repository {
  /** Digest → end of the lease. */
  links: Map<string, number>;
  manifests: Map<string, StoredManifest>;
  /** Tag → digest. */
  tags: Map<string, string>;
}

const leaseHours = 24;
const untaggedHours = 168;

/**
 * What a registry with these promises has in it, as plain maps: written from docs/garbage-collection.md and not from
 * the code. Times are whole hours; nothing happens by itself but `collect`.
 */
export class Model {
  now = 0;
  readonly repositories = new Map<string, Repository>();

  copy(): Model {
    const copy = new Model();
    copy.now = this.now;
    for (const [name, { links, manifests, tags }] of this.repositories) {
      const stored = [...manifests].map(([digest, manifest]) => [digest, { ...manifest }] as const);
      const repository = { links: new Map(links), manifests: new Map(stored), tags: new Map(tags) };
      copy.repositories.set(name, repository);
    }
    return copy;
  }

  repository(name: string): Repository {
    const known = this.repositories.get(name) ?? { links: new Map(), manifests: new Map(), tags: new Map() };
    this.repositories.set(name, known);
    return known;
  }

  /** 201 of an upload or a mount. */
  link(name: string, digest: string): void {
    this.repository(name).links.set(digest, this.now + leaseHours);
  }

  /** @returns whether the blob is there; if so the lease is renewed when under half of it is left. */
  headBlob(name: string, digest: string): boolean {
    const { links } = this.repository(name);
    const leaseUntil = links.get(digest);
    if (leaseUntil === undefined) return false;
    links.set(digest, this.#renewed(leaseUntil));
    return true;
  }

  headManifest(name: string, digest: string): boolean {
    const manifest = this.repository(name).manifests.get(digest);
    if (!manifest) return false;
    manifest.leaseUntil = this.#renewed(manifest.leaseUntil);
    return true;
  }

  #renewed(leaseUntil: number): number {
    return leaseUntil - this.now > leaseHours / 2 ? leaseUntil : this.now + leaseHours;
  }

  /** @returns 201, or 400 when the repository lacks something that the manifest names. */
  putManifest(name: string, manifest: Manifest, tag: string | undefined): number {
    const { links, manifests, tags } = this.repository(name);
    const isWhole =
      manifest.blobs.every((digest) => links.has(digest)) &&
      manifest.children.every((digest) => manifests.has(digest));
    if (!isWhole) return 400;
    const leaseUntil = this.now + leaseHours;
    manifests.set(manifest.digest, { ...manifest, leaseUntil, unheldSince: this.now });
    if (tag === undefined) return 201;
    const old = tags.get(tag);
    tags.set(tag, manifest.digest);
    if (old !== undefined && old !== manifest.digest) manifests.get(old)!.unheldSince = this.now;
    return 201;
  }

  deleteTag(name: string, tag: string): number {
    const { manifests, tags } = this.repository(name);
    const digest = tags.get(tag);
    if (digest === undefined) return 404;
    tags.delete(tag);
    manifests.get(digest)!.unheldSince = this.now;
    return 202;
  }

  deleteManifest(name: string, digest: string): number {
    const repository = this.repository(name);
    if (!repository.manifests.has(digest)) return 404;
    if (isListed(repository, digest)) return 405;
    for (const [tag, target] of repository.tags) if (target === digest) repository.tags.delete(tag);
    remove(repository, digest);
    return 202;
  }

  deleteBlob(name: string, digest: string): number {
    const { links, manifests } = this.repository(name);
    if ([...manifests.values()].some(({ blobs }) => blobs.includes(digest))) return 405;
    return links.delete(digest) ? 202 : 404;
  }

  /** Until nothing more goes: manifests without a holder, then links. */
  collect(): void {
    for (const repository of this.repositories.values()) {
      const { links, manifests } = repository;
      for (let digest = this.#removable(repository); digest; digest = this.#removable(repository)) {
        remove(repository, digest);
      }
      const referred = new Set([...manifests.values()].flatMap(({ blobs }) => blobs));
      for (const [digest, leaseUntil] of links) {
        if (!referred.has(digest) && leaseUntil <= this.now) links.delete(digest);
      }
    }
  }

  #removable(repository: Repository): string | undefined {
    const tagged = new Set(repository.tags.values());
    const found = [...repository.manifests.values()].find(({ digest, subject, leaseUntil, unheldSince }) => {
      const isHeld =
        tagged.has(digest) ||
        isListed(repository, digest) ||
        (subject !== undefined && repository.manifests.has(subject));
      const rests = unheldSince !== 'released' && unheldSince + untaggedHours > this.now;
      return !isHeld && leaseUntil <= this.now && !rests;
    });
    return found?.digest;
  }
}

function isListed({ manifests }: Repository, digest: string): boolean {
  return [...manifests.values()].some(({ children }) => children.includes(digest));
}

/** What was there only for this manifest waits for its lease alone. */
function remove({ manifests }: Repository, digest: string): void {
  const { children } = manifests.get(digest)!;
  manifests.delete(digest);
  for (const manifest of manifests.values()) {
    if (children.includes(manifest.digest) || manifest.subject === digest) manifest.unheldSince = 'released';
  }
}
