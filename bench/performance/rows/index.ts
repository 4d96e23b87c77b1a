import { pushes } from './pushes.ts';
import type { Row } from './row.ts';
import { smallReads } from './small-reads.ts';

export const rows: readonly Row[] = [...smallReads, ...pushes];
