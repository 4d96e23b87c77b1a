import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onEnd, type Scope } from '../support/scope.ts';

/** A directory for real files that are synced a hundred thousand times: in memory, where the system has such a place. */
export async function memoryDirectory(scope: Scope): Promise<string> {
  const parent = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
  const path = await mkdtemp(join(parent, 'gatehouse-explorer-'));
  onEnd(scope, () => rm(path, { recursive: true, force: true, maxRetries: 3 }));
  return path;
}
