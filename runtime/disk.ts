import { stat, statfs } from 'node:fs/promises';
import type { Config } from './config-schema.ts';
import { reserveOf } from './reserve.ts';

/** One of the file systems that hold the blobs and the databases. The names are an interface for scripts. */
export interface FileSystemSpace {
  path: string;
  total_bytes: number;
  /** What is left to those who are not root. */
  free_bytes: number;
  reserve_bytes: number;
  short: boolean;
}

export interface DiskSpace {
  /** Less than `storage.reserve` is left on one of them: new uploads are refused. */
  short: boolean;
  file_systems: FileSystemSpace[];
}

/** Asks the file systems of `storage.root` and of the data directory; once where they are the same. */
export async function readDiskSpace(
  config: Pick<Config, 'data' | 'storage.root' | 'storage.reserve'>,
): Promise<DiskSpace> {
  const found = new Map<number, FileSystemSpace>();
  for (const path of [config['storage.root'], config.data]) {
    const { dev } = await stat(path);
    if (found.has(dev)) continue;
    const { bsize, blocks, bavail } = await statfs(path);
    const total_bytes = blocks * bsize;
    const free_bytes = bavail * bsize;
    const reserve_bytes = reserveOf(config['storage.reserve'], total_bytes);
    found.set(dev, { path, total_bytes, free_bytes, reserve_bytes, short: free_bytes < reserve_bytes });
  }
  const file_systems = [...found.values()];
  return { short: file_systems.some(({ short }) => short), file_systems };
}
