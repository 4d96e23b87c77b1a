import { lstat, opendir } from 'node:fs/promises';
import { join } from 'node:path';
import type { StoredFile, StoredPlace } from './blob-store.ts';

const forms: readonly (readonly [RegExp, (groups: string[]) => StoredPlace])[] = [
  [
    /^blobs\/((?:sha256|sha512)\/([0-9a-f]{2})\/\2[0-9a-f]+\.[0-9a-z]+)$/,
    ([key]) => ({ place: 'blob', key: key! }),
  ],
  [/^uploads\/([0-9a-f-]{36})$/, ([id]) => ({ place: 'upload', id: id! })],
  [
    /^trash\/(\d{4}-\d\d-\d\d)\/(([0-9a-f]{2})[0-9a-f]+\.[0-9a-z]+)$/,
    ([day, name, head]) => ({ place: 'trash', day: day!, key: `${algorithmOfName(name!)}/${head}/${name}` }),
  ],
];

/** Every file below `blobs/`, `uploads/` and `trash/` of a file system store, a directory after the other. */
export async function* listFiles(root: string): AsyncIterable<StoredFile> {
  for (const directory of ['blobs', 'uploads', 'trash']) yield* below(root, directory);
}

async function* below(root: string, directory: string): AsyncIterable<StoredFile> {
  try {
    for await (const entry of await opendir(join(root, directory), { bufferSize: 512 })) {
      const path = `${directory}/${entry.name}`;
      if (entry.isDirectory()) yield* below(root, path);
      else yield* fileAt(root, path);
    }
  } catch (error) {
    yield* unreadable(directory, error as NodeJS.ErrnoException);
  }
}

async function* fileAt(root: string, path: string): AsyncIterable<StoredFile> {
  try {
    const { size, ctimeMs, mtimeMs } = await lstat(join(root, path));
    yield { ...placeOf(path), size, changedAt: Math.max(ctimeMs, mtimeMs) };
  } catch (error) {
    yield* unreadable(path, error as NodeJS.ErrnoException);
  }
}

/** What is removed meanwhile, a directory too, is no fault; anything else is told of, and the list goes on. */
function* unreadable(path: string, error: NodeJS.ErrnoException): Iterable<StoredFile> {
  if (error.code === undefined) throw error;
  if (error.code !== 'ENOENT') yield { place: 'foreign', path, error: error.code, size: 0, changedAt: 0 };
}

function placeOf(path: string): StoredPlace {
  for (const [form, read] of forms) {
    const match = form.exec(path);
    if (match) return read(match.slice(1));
  }
  return { place: 'foreign', path };
}

function algorithmOfName(name: string): string {
  return name.indexOf('.') === 64 ? 'sha256' : 'sha512';
}
