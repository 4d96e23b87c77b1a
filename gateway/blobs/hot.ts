import { RecentMap } from '../../runtime/recent-map.ts';
import { demandSize, openBlobFile } from './file.ts';

/** Small blobs (configs, mostly) that are asked for again and again: opening the file costs more than sending it. */
export interface HotBlobs {
  /**
   * The bytes of a small file.
   * @param path as in `openBlobFile`. It is never used for other bytes, so what was read of it stays true.
   * @throws as `openBlobFile`; Error when the file has another size.
   */
  read(path: string, size: number): Promise<Buffer>;
}

export const maxHotBytes = 64 * 1024;
const maxKeptBytes = 32 * 1024 * 1024;
/** Of a path and the objects around the bytes, about. */
const bytesBesides = 500;

/** @param root as in `openBlobFile`. */
export function openHotBlobs(root: string): HotBlobs {
  const kept = new RecentMap<Buffer>(maxKeptBytes);
  return {
    async read(path, size) {
      const known = kept.get(path);
      if (known) return known;
      const bytes = await readWhole(root, path, size);
      kept.set(path, bytes, size + bytesBesides);
      return bytes;
    },
  };
}

async function readWhole(root: string, path: string, size: number): Promise<Buffer> {
  const file = await openBlobFile(root, path);
  try {
    demandSize(file, path, size);
    return await file.read();
  } finally {
    await file.close();
  }
}
