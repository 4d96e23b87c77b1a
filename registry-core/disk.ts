import { OciError } from '../oci/errors.ts';
import { keepBallast } from '../runtime/ballast.ts';
import { dataPaths } from '../runtime/config.ts';
import type { Config } from '../runtime/config-schema.ts';
import { callControl } from '../runtime/control.ts';
import { type DiskWatch, watchDisk } from '../runtime/disk-watch.ts';
import type { Log } from '../runtime/log.ts';

const retryAfterSeconds = 60;

/** Watches the disks for the core: says when uploads are refused, has the collector make room, keeps the ballast. */
export function watchCoreDisk(config: Config, log: Log): DiskWatch {
  const { ballast, collectorSocket } = dataPaths(config);
  return watchDisk({
    config,
    log,
    onChange({ short, file_systems }) {
      if (!short) return log.info('the disk has space again: new uploads are taken', { file_systems });
      log.warn('the disk is short of space: new uploads are refused', { file_systems });
      // One that does not run, or is busy, looks by itself within a minute.
      callControl(collectorSocket, 'POST', '/relieve').catch(() => undefined);
    },
    async onLook({ short }) {
      if (!short) await keepBallast(ballast);
    },
  });
}

/**
 * Before a new upload. Those under way may finish, and manifests may come: they are what the reserve is kept for.
 * @throws OciError STORAGE_FULL (507)
 */
export async function demandSpace(disk: DiskWatch): Promise<void> {
  const { file_systems } = await disk.space();
  const full = file_systems.find(({ short }) => short);
  if (!full) return;
  const { free_bytes, reserve_bytes } = full;
  throw new OciError('STORAGE_FULL', {
    message:
      'the registry’s disk is short of space: no new uploads until images are deleted and collected (gatehouse gc) or the disk grows; uploads under way can finish, pulls and deletions go on',
    detail: { free_bytes, reserve_bytes },
    headers: { 'Retry-After': `${retryAfterSeconds}` },
  });
}
