import { connections } from './connections.ts';
import { lists } from './lists.ts';
import { pulls } from './pulls.ts';
import { pushes } from './pushes.ts';
import type { Row } from './row.ts';
import { slowHashes } from './slow-hashes.ts';
import { smallReads } from './small-reads.ts';
import { start } from './start.ts';

export const rows: readonly Row[] = [
  ...smallReads,
  ...pulls,
  ...pushes,
  ...lists,
  slowHashes,
  start,
  ...connections,
];
