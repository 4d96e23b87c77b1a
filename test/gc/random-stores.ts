import fc from 'fast-check';
import type { Digest } from '../../oci/digest.ts';
import { hour, image, index, openStores, type Stores, subject } from './support.ts';

/** One thing that a client, an administrator or the clock does. Numbers choose among what is there, modulo. */
export type Step =
  | {
      kind: 'image';
      repository: number;
      layers: number[];
      tag: number | undefined;
      subject: number | undefined;
    }
  | { kind: 'index'; repository: number; children: number[]; tag: number | undefined }
  | { kind: 'mount'; repository: number; blob: number }
  | { kind: 'delete tag' | 'delete manifest' | 'head'; pick: number }
  | { kind: 'age'; hours: number }
  | { kind: 'collect' };

const pick = fc.nat(1000);
const tag = fc.option(fc.nat(3), { nil: undefined, freq: 2 });
const repository = fc.nat(1);

export const steps = fc.array(
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constant('image' as const),
        repository,
        layers: fc.array(pick, { minLength: 1, maxLength: 3 }),
        tag,
        subject: fc.option(pick, { nil: undefined, freq: 3 }),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant('index' as const),
        repository,
        children: fc.array(pick, { minLength: 1, maxLength: 3 }),
        tag,
      }),
    },
    fc.record({ kind: fc.constant('mount' as const), repository, blob: pick }),
    {
      weight: 3,
      arbitrary: fc.record({ kind: fc.constantFrom('delete tag', 'delete manifest', 'head'), pick }),
    },
    {
      weight: 3,
      arbitrary: fc.record({ kind: fc.constant('age' as const), hours: fc.integer({ min: 1, max: 100 }) }),
    },
    fc.record({ kind: fc.constant('collect' as const) }),
  ),
  { minLength: 4, maxLength: 16 },
) as fc.Arbitrary<Step[]>;

const repositoryNames = ['a', 'b/c'];

/** Runs a property on stores of its own for each example, which end with it. */
export async function withStores(work: (stores: Stores) => Promise<void>): Promise<void> {
  const endings: (() => void | Promise<void>)[] = [];
  try {
    await work(await openStores({ after: (fn) => void endings.push(fn) }));
  } finally {
    for (const end of endings.reverse()) await end();
  }
}

/** Does one step; one that has nothing to work on does nothing. */
export async function play(stores: Stores, step: Step): Promise<void> {
  if (step.kind === 'age') stores.age(step.hours * hour);
  else if (step.kind === 'collect') await stores.collect();
  else if (step.kind === 'image') await pushImage(stores, step);
  else if (step.kind === 'index') await pushIndex(stores, step);
  else if (step.kind === 'mount') await mount(stores, step);
  else if (step.kind === 'delete tag') await deleteTag(stores, step.pick);
  else await deleteOrAsk(stores, step.kind, step.pick);
}

async function pushImage(stores: Stores, step: Step & { kind: 'image' }): Promise<void> {
  const name = repositoryNames[step.repository]!;
  const layers: Digest[] = [];
  // Eight contents in all, so that images share layers.
  for (const layer of step.layers)
    layers.push(await stores.pushBlob(name, Buffer.from(`layer ${layer % 8}`)));
  const of = step.subject === undefined ? undefined : among(manifestsOf(stores, name), step.subject)?.digest;
  await stores.putManifest(name, image(layers[0]!, layers, of ? subject(of) : {}), ...tagsOf(step.tag));
}

async function pushIndex(stores: Stores, step: Step & { kind: 'index' }): Promise<void> {
  const name = repositoryNames[step.repository]!;
  const there = manifestsOf(stores, name);
  const children = [...new Set(step.children.flatMap((child) => among(there, child)?.digest ?? []))];
  if (children.length > 0) await stores.putManifest(name, index(children), ...tagsOf(step.tag));
}

async function mount(stores: Stores, step: Step & { kind: 'mount' }): Promise<void> {
  const links = rows<{ name: string; digest: Digest }>(
    stores,
    'SELECT name, digest FROM links JOIN repositories ON id = repository_id ORDER BY name, digest',
  );
  const link = among(links, step.blob);
  if (link) await stores.mount(repositoryNames[step.repository]!, link.digest, link.name);
}

/** @returns what the DELETE answered; undefined when there was nothing to delete. */
export async function deleteTag(stores: Stores, choice: number) {
  const tags = rows<{ repository: string; name: string }>(
    stores,
    'SELECT r.name AS repository, t.name FROM tags t JOIN repositories r ON r.id = t.repository_id ORDER BY 1, 2',
  );
  const found = among(tags, choice);
  return found && (await stores.registry.deleteTag(found.repository, found.name, stores.context));
}

async function deleteOrAsk(stores: Stores, kind: 'delete manifest' | 'head', choice: number): Promise<void> {
  const found = among(deletable(stores), choice);
  if (!found) return;
  if (kind === 'head') await stores.headManifest(found.repository, found.digest);
  else await stores.deleteManifest(found.repository, found.digest);
}

/** Manifests that no index lists: a DELETE of others is refused. */
export function deletable(stores: Stores): { repository: string; digest: Digest }[] {
  return rows(
    stores,
    `SELECT r.name AS repository, m.digest FROM manifests m JOIN repositories r ON r.id = m.repository_id
     WHERE (m.repository_id, m.digest) NOT IN (SELECT repository_id, digest FROM manifest_children) ORDER BY 1, 2`,
  );
}

function manifestsOf(stores: Stores, name: string): { digest: Digest }[] {
  return rows(
    stores,
    `SELECT digest FROM manifests m JOIN repositories r ON r.id = m.repository_id WHERE r.name = '${name}' ORDER BY 1`,
  );
}

export function rows<Row>(stores: Stores, sql: string): Row[] {
  return stores.database.prepare(sql).all() as Row[];
}

export function among<Entry>(list: readonly Entry[], choice: number): Entry | undefined {
  return list[choice % list.length];
}

function tagsOf(tag: number | undefined): string[] {
  return tag === undefined ? [] : [`t${tag}`];
}
