import { blobFact, type Facts, tagsOf } from './facts.ts';
import type { Of, Result } from './operations.ts';
import {
  type Blob,
  contents,
  type Key,
  type Manifest,
  manifestNames,
  type Repository,
  type Session,
  sessions,
} from './universe.ts';

/** Half leases that a new promise lasts. */
export const lease = 2;

/** What the core's transactions do to the facts. */
export class Rules {
  link(facts: Facts, repository: Repository, blob: Blob): void {
    facts.set(`link ${repository} ${blob}`, lease);
    this.review(facts, `link ${repository} ${blob}`, lease);
  }

  review(facts: Facts, name: string, due: number): void {
    facts.set(`due ${name}`, Math.min(due, Number(facts.get(`due ${name}`) ?? due)));
  }

  doom(facts: Facts, kind: 'blob' | 'upload', name: string): void {
    facts.set(`doomed ${kind} ${name}`, 1);
  }

  renewLink(facts: Facts, { repository, blob }: Of<'link.renew'>): Result {
    const state = blobFact(facts, blob)?.state;
    if (state !== 'present' || !facts.has(`link ${repository} ${blob}`)) return 0;
    facts.set(`link ${repository} ${blob}`, lease);
    return 1;
  }

  renewManifest(facts: Facts, { repository, manifest }: Of<'manifest.renew'>): Result {
    if (!facts.has(`manifest ${repository} ${manifest}`)) return 0;
    facts.set(`manifest ${repository} ${manifest}`, lease);
    return 1;
  }

  /** @returns '' or the key that is to be removed; 0 when the session is gone. */
  commit(facts: Facts, { session, key, broken }: Of<'blob.commit'>): Result {
    const { repository, blob } = sessions[session];
    if (facts.get(`session ${session}`) !== `closing ${key}`) return 0;
    facts.delete(`session ${session}`);
    facts.delete(`expiry ${session}`);
    const old = blobFact(facts, blob);
    let displaced: string = old?.key ?? '';
    if (old?.state === 'present' && old.key !== broken) displaced = key;
    else facts.set(`blob ${blob}`, `present ${key}`);
    if (displaced !== '') this.doom(facts, 'blob', displaced);
    this.link(facts, repository, blob);
    return displaced;
  }

  removeSession(facts: Facts, session: Session): Result {
    const state = String(facts.get(`session ${session}`) ?? '');
    if (state === '') return 0;
    facts.delete(`session ${session}`);
    facts.delete(`expiry ${session}`);
    this.doom(facts, 'upload', session);
    if (state !== 'open') this.doom(facts, 'blob', state.slice('closing '.length));
    return 1;
  }

  /** No session is being closed here, and no blob has lost its file: what would bring it back has tests of its own. */
  settleJournal(facts: Facts): Result {
    for (const [name, value] of [...facts]) {
      if (!name.startsWith('journal ')) continue;
      const [session, key] = [name.slice('journal '.length) as Session, value as Key];
      if (facts.has(`session ${session}`)) continue;
      if (facts.get(`blob ${sessions[session].blob}`) !== `present ${key}`) {
        facts.delete(`upload ${session}`);
        facts.delete(`file ${key}`);
      }
      facts.delete(name);
    }
    return 1;
  }

  putManifest(facts: Facts, { repository, manifest, tag }: Of<'manifest.put'>): Result {
    const { blobs: needed, children } = contents[manifest];
    const has = (blob: Blob) =>
      facts.has(`link ${repository} ${blob}`) && blobFact(facts, blob)?.state === 'present';
    if (!needed.every(has)) return 0;
    if (!children.every((child) => facts.has(`manifest ${repository} ${child}`))) return 0;
    facts.set(`manifest ${repository} ${manifest}`, lease);
    this.review(facts, `manifest ${repository} ${manifest}`, lease);
    if (tag === '') return 1;
    const old = facts.get(`tag ${repository} ${tag}`);
    facts.set(`tag ${repository} ${tag}`, manifest);
    if (old !== undefined && old !== manifest) this.review(facts, `manifest ${repository} ${old}`, 0);
    return 1;
  }

  listing(facts: Facts, repository: Repository, manifest: Manifest): Manifest[] {
    return manifestNames.filter(
      (name) => contents[name].children.includes(manifest) && facts.has(`manifest ${repository} ${name}`),
    );
  }

  referring(facts: Facts, repository: Repository, blob: Blob): boolean {
    return manifestNames.some(
      (name) => contents[name].blobs.includes(blob) && facts.has(`manifest ${repository} ${name}`),
    );
  }

  removeManifest(facts: Facts, repository: Repository, manifest: Manifest): void {
    facts.delete(`manifest ${repository} ${manifest}`);
    for (const blob of contents[manifest].blobs) this.review(facts, `link ${repository} ${blob}`, 0);
    const referrers = manifestNames.filter((name) => contents[name].subject === manifest);
    const there = referrers.filter((name) => facts.has(`manifest ${repository} ${name}`));
    for (const name of [...contents[manifest].children, ...there]) {
      this.review(facts, `manifest ${repository} ${name}`, 0);
    }
  }

  deleteManifest(facts: Facts, { repository, manifest }: Of<'manifest.delete'>): Result {
    if (!facts.has(`manifest ${repository} ${manifest}`)) return 0;
    if (this.listing(facts, repository, manifest).length > 0) return 0;
    for (const row of tagsOf(facts)) {
      if (row.repository === repository && row.manifest === manifest)
        facts.delete(`tag ${repository} ${row.tag}`);
    }
    this.removeManifest(facts, repository, manifest);
    return 1;
  }

  deleteBlob(facts: Facts, { repository, blob }: Of<'blob.delete'>): Result {
    if (!facts.has(`link ${repository} ${blob}`) || this.referring(facts, repository, blob)) return 0;
    facts.delete(`link ${repository} ${blob}`);
    this.review(facts, `blob ${blob}`, 0);
    return 1;
  }
}
