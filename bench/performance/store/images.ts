import { bytesOf } from '../load/bytes.ts';
import { type Blob, blobOf, type Image, imageOf } from '../load/push.ts';

/** So many repositories `prefix/0…` with so many tags each, all of one small image. */
export interface Names {
  prefix: string;
  repositories: number;
  tagsEach: number;
}

const config = blobOf(Buffer.from('{"architecture":"amd64","os":"linux","of":"names"}'));
const layers: readonly Blob[] = [blobOf(bytesOf('layer of names', 4096))];

/** What every tag names. */
export const commonImage: Image = imageOf(config, layers);

export function repositoryName({ prefix }: Names, index: number): string {
  return `${prefix}/${index}`;
}

export function tagName(index: number): string {
  return `v${index}`;
}

export function hexOf(digest: string): string {
  return digest.slice('sha256:'.length);
}
