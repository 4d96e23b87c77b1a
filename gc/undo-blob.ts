import type { Readable } from 'node:stream';
import type { Digest } from '../oci/digest.ts';
import type { Collection, TrashedBlob } from '../registry-core/metadata/collection.ts';
import type { BlobStore } from '../registry-core/storage/blob-store.ts';
import { faultPoint } from '../runtime/fault-points.ts';
import { type CoreClient, CoreUnreachable, expectStatus } from './core-client.ts';
import type { UndoReport } from './undo-report.ts';

export interface UndoPlaces {
  core: CoreClient;
  collection: Collection;
  store: BlobStore;
}

/**
 * Brings a blob back as a push does: by a mount where a repository has the bytes, else by an upload of them out of
 * the trash, with a new key, hashed on its way in. What was brought back leaves the trash.
 * @throws Error that says why it could not be; CoreUnreachable
 */
export async function bringBlob(
  places: UndoPlaces,
  report: UndoReport,
  repository: string,
  digest: Digest,
): Promise<void> {
  const { core, collection } = places;
  const head = await core.send({ kind: 'blob', method: 'HEAD', repository, digest });
  if (head.status === 200) {
    report.already_there++;
    return;
  }
  const copies = await collection.trash.blobs(digest);
  let failure = new Error('its bytes are no longer in the trash');
  // A copy may be damaged, or go while somebody else brings the same back: then the last mount finds it.
  for (const copy of [...copies, undefined]) {
    try {
      const bytes = await mountOrUpload(places, repository, digest, copy);
      if (bytes === undefined) continue;
      report.blobs++;
      report.bytes += bytes;
      return;
    } catch (error) {
      if (error instanceof CoreUnreachable) throw error;
      failure = error as Error;
    }
  }
  throw failure;
}

/** @returns the bytes that were uploaded; undefined when there were none to upload. */
async function mountOrUpload(
  { core, collection, store }: UndoPlaces,
  repository: string,
  digest: Digest,
  copy: TrashedBlob | undefined,
): Promise<number | undefined> {
  const opened = await core.send({ kind: 'uploads', method: 'POST', repository, mount: digest });
  if (opened.status === 201) return 0;
  expectStatus(opened, 202);
  const session = String(opened.headers['docker-upload-uuid']);
  const upload = { kind: 'upload', repository, session } as const;
  let content: Readable | undefined;
  try {
    content = copy && (await readCopy(store, copy));
    if (content && copy) {
      const body = { type: 'application/octet-stream', content };
      expectStatus(await core.send({ ...upload, method: 'PUT', digest }, body), 201);
      faultPoint('gc.undo.uploaded');
      await forgetCopy(collection, store, copy);
      return copy.size;
    }
  } catch (error) {
    content?.destroy();
    await core.send({ ...upload, method: 'DELETE' });
    throw error;
  }
  await core.send({ ...upload, method: 'DELETE' });
  return undefined;
}

/** @returns undefined for one that was purged meanwhile. */
async function readCopy(store: BlobStore, { storageKey, day }: TrashedBlob): Promise<Readable | undefined> {
  return await store.readTrashed(storageKey, day).catch((error) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  });
}

async function forgetCopy(collection: Collection, store: BlobStore, copy: TrashedBlob): Promise<void> {
  await store.removeTrashed(copy.storageKey, copy.day);
  await store.syncRemovals();
  faultPoint('gc.undo.removed');
  await collection.trash.forget([copy]);
}
