import type { Config } from '../runtime/config-schema.ts';
import { type DiskWatch, watchDisk } from '../runtime/disk-watch.ts';
import type { Log } from '../runtime/log.ts';
import { relieve } from './relief.ts';

export interface Pressure extends DiskWatch {
  /** Looks at the disks now, and makes room when they are short. */
  relieve(): Promise<void>;
  stop(): Promise<void>;
}

/** Looks at the disks every minute; as long as they are short, whatever can go without a run goes at once. */
export function watchPressure(config: Config, log: Log): Pressure {
  const stopping = new AbortController();
  let current: Promise<void> = Promise.resolve();
  const makeRoom = async () => {
    const report = await relieve(config, stopping.signal);
    if (report && (report.bytes_freed > 0 || report.errors.length > 0)) {
      const { bytes_freed, bytes_purged, uploads_expired, errors } = report;
      log.warn('made room on a short disk', { bytes_freed, bytes_purged, uploads_expired, errors });
    }
  };
  /** One after the other, never two at once. */
  const start = (): Promise<void> => {
    current = current.then(makeRoom).catch((error) => {
      if (!stopping.signal.aborted) log.error('room could not be made on a short disk', { error });
    });
    return current;
  };
  const watch = watchDisk({
    config,
    log,
    onChange({ short, file_systems }) {
      if (short) log.warn('the disk is short of space: trash and expired uploads go now', { file_systems });
      else log.info('the disk has space again', { file_systems });
    },
    async onLook({ short }) {
      if (short) await start();
    },
  });
  return {
    ...watch,
    async relieve() {
      if ((await watch.space()).short) await start();
    },
    async stop() {
      stopping.abort();
      await watch.close();
      await current;
    },
  };
}
