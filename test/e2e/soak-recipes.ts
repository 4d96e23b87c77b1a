import { noise } from '../support/images.ts';
import { describeBlob, OCI_MANIFEST } from '../support/push.ts';
import { imageManifest, indexManifest } from './soak-clients.ts';

/** A manifest and the blobs that it refers to. */
export interface Child {
  manifest: Buffer;
  blobs: Buffer[];
}

/** What is pushed and deleted as one: always the same bytes, so that it can be pushed again. */
export interface Recipe extends Child {
  repository: string;
  tag: string;
  /** Of an index. */
  children: Child[];
  referrers: Child[];
}

export const repositories = ['soak/one', 'soak/two', 'soak/three'];

const LAYERS = 40;
const layers = Array.from({ length: LAYERS }, (_, index) => noise(`soak layer ${index}`, 2000 + index));

/** Images, some with a referrer, and indexes; they share layers, and indexes of one repository share children. */
export function makeRecipes(count: number): Recipe[] {
  return Array.from({ length: count }, (_, index) => {
    const repository = repositories[index % repositories.length]!;
    return index % 2 === 1 ? makeIndex(repository, index) : makeImage(repository, index);
  });
}

function makeImage(repository: string, index: number): Recipe {
  const image = makeChild(`image ${index}`, index);
  const referrers: Child[] = [];
  if (index % 4 === 0) {
    const blobs = [Buffer.from(`{"signs": ${index}}`), layers[(index * 3) % LAYERS]!];
    const subject = describeBlob(OCI_MANIFEST, image.manifest);
    referrers.push({ manifest: imageManifest(blobs[0]!, [blobs[1]!], subject), blobs });
  }
  return { ...image, repository, tag: `v${index}`, children: [], referrers };
}

function makeIndex(repository: string, index: number): Recipe {
  // Every child has a neighbour's index that lists it too.
  const group = Math.floor(index / (2 * repositories.length));
  const children = [group, group + 1].map((number) => makeChild(`child ${repository} ${number}`, number + 7));
  const manifest = indexManifest(
    children.map((child) => child.manifest),
    `index ${index}`,
  );
  return { manifest, blobs: [], repository, tag: `v${index}`, children, referrers: [] };
}

function makeChild(comment: string, number: number): Child {
  const config = Buffer.from(JSON.stringify({ architecture: 'amd64', os: 'linux', comment }));
  const own = [layers[number % LAYERS]!, layers[(number * 7 + 3) % LAYERS]!];
  return { manifest: imageManifest(config, own), blobs: [config, ...own] };
}
