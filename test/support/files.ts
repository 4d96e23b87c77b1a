import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onEnd, type Scope } from './scope.ts';

/** A directory of its own under the system's temporary one, removed when the scope ends. */
export async function temporaryDirectory(scope: Scope, label = 'test'): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), `gatehouse-${label}-`));
  onEnd(scope, () => rm(path, { recursive: true, force: true, maxRetries: 3 }));
  return path;
}

/** What the files of a directory, and of those below it, hold. */
export async function bytesBelow(directory: string): Promise<number> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  const sizes = await Promise.all(
    files.map(async (file) => (await stat(join(file.parentPath, file.name))).size),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}
