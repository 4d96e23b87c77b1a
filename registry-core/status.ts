import type { Config } from '../runtime/config-schema.ts';
import type { CoreStatus } from '../runtime/core-status.ts';
import type { DiskWatch } from '../runtime/disk-watch.ts';
import { readProcessFigures, watchEventLoop } from '../runtime/process-figures.ts';
import { probeWriting } from '../runtime/write-probe.ts';
import type { Registry } from './metadata/registry.ts';

export type ReadStatus = (requestsActive: number) => Promise<CoreStatus>;

/** What the core says of itself. Somebody asks every few seconds at most; that is the gateway's to see to. */
export function statusReader(
  config: Pick<Config, 'storage.root' | 'data'>,
  registry: Registry,
  disk: DiskWatch,
): ReadStatus {
  watchEventLoop();
  const directories = [...new Set([config['storage.root'], config.data])];
  return async (requestsActive) => {
    const faults: string[] = [];
    const uploads = await registry.countSessions().catch((error) => {
      faults.push(`registry.db cannot be read: ${(error as Error).message}`);
      return 0;
    });
    for (const directory of directories) {
      const fault = await probeWriting(directory);
      if (fault !== undefined) faults.push(fault);
    }
    return {
      process: await readProcessFigures(),
      uploads_open: uploads,
      requests_active: requestsActive,
      storage: await disk.space(),
      faults,
    };
  };
}
