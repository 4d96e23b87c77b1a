import type { DiskSpace } from './disk.ts';
import type { ProcessFigures } from './process-figures.ts';

/** Where the core tells of itself, on its own socket. The gateway passes no client's request on to it. */
export const coreStatusPath = '/-/status';

/** The names are an interface for scripts. */
export interface CoreStatus {
  process: ProcessFigures;
  uploads_open: number;
  requests_active: number;
  storage: DiskSpace;
  /** What keeps the core from its work; empty: nothing. */
  faults: string[];
}
