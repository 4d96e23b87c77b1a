import { duration, key, oneOf, path, reserve, sparseIndex, whole } from './values.ts';

/** What is stored, and where. */
export const storageSettings = {
  'storage.root': key(
    path,
    '',
    'Directory of `blobs/` and `uploads/`, all of it one file system. Empty: the data directory.',
  ),
  'storage.reserve': key(
    reserve,
    '1GiB,5%',
    'Free space to keep on the disks of `storage.root` and `data`: below it new uploads are refused, and trash and expired uploads are removed at once. 0: none.',
  ),
  'storage.direct_writes': key(
    oneOf('auto', 'off'),
    'auto',
    'Whether large uploads go to the disk past the system’s cache. `auto`: where the disk is not behind a network. `off`: nowhere.',
  ),
  'uploads.expiry': key(
    duration(),
    '0',
    'An upload session that was left alone for this long is removed. 0: as `gc.lease`.',
  ),
  'uploads.min_chunk_bytes': key(
    whole(0, 1_073_741_824),
    '0',
    'Least length of a chunk that clients are asked for, in `OCI-Chunk-Min-Length`. A smaller one is taken all the same. 0: they are asked for nothing.',
  ),
  'manifests.sparse_index': key(
    sparseIndex,
    'deny',
    'Whether an index may list manifests that its repository does not have. `deny`: none. `allow`: any. A list of platforms: any but those of these platforms, or of none.',
  ),
} as const;
