import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { blobOf } from '../load/push.ts';
import { commonImage, hexOf, type Names, repositoryName, tagName } from './images.ts';

/** The same names as docker-registry stores them: directories and small files. */
export function buildPeerStore(storage: string, all: readonly Names[]): void {
  const base = join(storage, 'docker', 'registry', 'v2');
  const { digest } = blobOf(commonImage.manifest);
  const blobs = [...commonImage.blobs, { digest, pieces: [commonImage.manifest] }];
  for (const blob of blobs) {
    const hex = hexOf(blob.digest);
    write(join(base, 'blobs', 'sha256', hex.slice(0, 2), hex, 'data'), Buffer.concat(blob.pieces));
  }
  for (const names of all) {
    for (let index = 0; index < names.repositories; index++)
      putRepository(join(base, 'repositories', repositoryName(names, index)), names.tagsEach, digest);
  }
}

function putRepository(repository: string, tags: number, digest: string): void {
  const linkTo = (folder: string, target: string) =>
    write(join(repository, folder, 'sha256', hexOf(target), 'link'), target);
  for (const blob of commonImage.blobs) linkTo('_layers', blob.digest);
  linkTo('_manifests/revisions', digest);
  for (let number = 0; number < tags; number++) {
    const tag = join('_manifests', 'tags', tagName(number));
    write(join(repository, tag, 'current', 'link'), digest);
    linkTo(join(tag, 'index'), digest);
  }
}

function write(path: string, bytes: Buffer | string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  writeFileSync(path, bytes);
}
