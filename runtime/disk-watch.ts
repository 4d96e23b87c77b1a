import type { Config } from './config-schema.ts';
import { type DiskSpace, readDiskSpace } from './disk.ts';
import type { Log } from './log.ts';

export interface DiskWatch {
  /** The space that is left, as it was at most a second ago; when it was short then, as it is now. */
  space(): Promise<DiskSpace>;
  /** Stops looking, when the look under way is over. */
  close(): Promise<void>;
}

export interface WatchOptions {
  config: Pick<Config, 'data' | 'storage.root' | 'storage.reserve'>;
  log: Log;
  /** Called when the disk has become short of space, and when it is no longer. */
  onChange(space: DiskSpace): void;
  /** Called with what each regular look found. */
  onLook?(space: DiskSpace): Promise<void>;
  intervalMs?: number;
}

/** A look at the disk is cheap, but not worth one per request. */
const cacheMs = 1000;

/** Looks at the disk at once, then every minute, and whenever somebody asks. */
export function watchDisk({ config, log, onChange, onLook, intervalMs = 60_000 }: WatchOptions): DiskWatch {
  let known: { space: Promise<DiskSpace>; at: number } | undefined;
  let isShort = false;
  const read = async (): Promise<DiskSpace> => {
    const space = await readDiskSpace(config);
    if (space.short !== isShort) {
      isShort = space.short;
      onChange(space);
    }
    return space;
  };
  const space = () => {
    const now = performance.now();
    if (!known || isShort || now - known.at > cacheMs) known = { space: read(), at: now };
    return known.space;
  };
  let looking: Promise<void> = Promise.resolve();
  const look = () => {
    looking = looking
      .then(space)
      .then((found) => onLook?.(found))
      .catch((error) => log.error('looking after the space on the disk failed', { error }));
  };
  const timer = setInterval(look, intervalMs).unref();
  look();
  return {
    space,
    close() {
      clearInterval(timer);
      return looking;
    },
  };
}
