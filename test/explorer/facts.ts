import {
  type Blob,
  contents,
  type Manifest,
  manifestNames,
  type Repository,
  repositories,
} from './universe.ts';

/**
 * A state of the store, as far as it decides what happens next. Times are half leases from now, 0 when over.
 *
 *   blob x = present k0      link a x = 2         manifest a c = 1      tag a latest = i0
 *   session p = open         expiry p = 2         upload p = 1          file k0 = 1         journal m = m
 *   doomed blob k0 = 1       due manifest a c = 0 due link a x = 1      due blob x = 0
 */
export type Facts = Map<string, number | string>;

export function textOf(facts: Facts): string {
  return [...facts.entries()]
    .map(([name, value]) => `${name} = ${value}`)
    .sort()
    .join('\n');
}

export function factsOf(text: string): Facts {
  const facts: Facts = new Map();
  for (const line of text === '' ? [] : text.split('\n')) {
    const [name, value] = line.split(' = ') as [string, string];
    facts.set(name, /^[0-9]$/.test(value) ? Number(value) : value);
  }
  return facts;
}

/** An image pushed and acknowledged long ago: an index with a tag, its child, their blob; every lease is over. */
export function startFacts(): Facts {
  return new Map<string, number | string>([
    ['blob x', 'present k0'],
    ['file k0', 1],
    ['link a x', 0],
    ['manifest a c', 0],
    ['manifest a i0', 0],
    ['tag a latest', 'i0'],
  ]);
}

/** State and storage key of a blob. */
export function blobFact(facts: Facts, blob: Blob): { state: string; key: string } | undefined {
  const [state, key] = String(facts.get(`blob ${blob}`) ?? '').split(' ');
  return key === undefined ? undefined : { state: state!, key };
}

export interface Tag {
  repository: Repository;
  tag: string;
  manifest: Manifest;
}

export function tagsOf(facts: Facts): Tag[] {
  const tags: Tag[] = [];
  for (const [name, value] of facts) {
    const [kind, repository, tag] = name.split(' ');
    if (kind === 'tag')
      tags.push({ repository: repository as Repository, tag: tag!, manifest: value as Manifest });
  }
  return tags;
}

/** What the tags of a repository keep: the manifests, what they list, what refers to those, and all their blobs. */
export function reachable(
  facts: Facts,
  repository: Repository,
): { manifests: Set<Manifest>; blobs: Set<Blob> } {
  const found = new Set<Manifest>();
  const add = (manifest: Manifest) => {
    if (found.has(manifest)) return;
    found.add(manifest);
    contents[manifest].children.forEach(add);
    const referrers = manifestNames.filter((name) => contents[name].subject === manifest);
    referrers.filter((name) => facts.has(`manifest ${repository} ${name}`)).forEach(add);
  };
  for (const tag of tagsOf(facts)) if (tag.repository === repository) add(tag.manifest);
  return { manifests: found, blobs: new Set([...found].flatMap((name) => contents[name].blobs)) };
}

export const isLive = (facts: Facts, repository: Repository, blob: Blob): boolean =>
  reachable(facts, repository).blobs.has(blob);

/** What is wrong with what tags promise: every manifest of a tag, its children, blobs and referrers can be read. */
export function broken(facts: Facts): string | undefined {
  for (const repository of repositories) {
    const kept = reachable(facts, repository);
    for (const manifest of kept.manifests) {
      if (!facts.has(`manifest ${repository} ${manifest}`))
        return `manifest ${manifest} of a tagged image is gone`;
    }
    for (const blob of kept.blobs) {
      const row = blobFact(facts, blob);
      if (!facts.has(`link ${repository} ${blob}`))
        return `repository ${repository} lost its link to ${blob}`;
      if (row?.state !== 'present') return `blob ${blob} of a tagged image is ${row?.state ?? 'gone'}`;
      if (!facts.has(`file ${row.key}`)) return `the file ${row.key} of a tagged image is gone`;
    }
  }
  return undefined;
}
