import type { Config } from '../../runtime/config-schema.ts';
import type { BlobStore } from './blob-store.ts';
import { type FilesystemOptions, FilesystemStore } from './filesystem.ts';

/** The store of the configuration. A further driver is one more `if` here and one more file beside. */
export function openBlobStore(config: Config, options: FilesystemOptions = {}): Promise<BlobStore> {
  const directWrites = config['storage.direct_writes'] === 'auto';
  return FilesystemStore.open(config['storage.root'], { directWrites, ...options });
}
