import assert from 'node:assert/strict';
import { join } from 'node:path';
import { runCollection } from '../../gc/index.ts';
import type { Config } from '../../runtime/config-schema.ts';
import { createLog } from '../../runtime/log.ts';
import { ageRows, hour } from '../gc/support.ts';
import { withRows } from '../registry-core/support.ts';
import { filesBelow, readRegistry } from './crash-support.ts';

const log = createLog('test', 'silent');

/** One run, when all time is over that holds anything but tags. */
export async function collectOnce(config: Config): Promise<void> {
  withRows(config, (database) => ageRows(database, 1000 * hour));
  const report = await runCollection(config, { dryRun: false, log });
  assert.deepEqual([report.errors, report.held_blobs], [[], 0]);
}

/** No file that no row names, no row without its file, nothing half done, a sound database. */
export async function assertSettled(config: Config): Promise<void> {
  const rows = readRegistry(config);
  assert.deepEqual(
    [rows.integrity, rows.foreignKeys, rows.sessions, rows.doomed, rows.condemned],
    ['ok', [], [], [], []],
  );
  const root = config['storage.root'];
  assert.deepEqual(await filesBelow(join(root, 'blobs')), rows.keys);
  assert.deepEqual(await filesBelow(join(root, 'uploads')), []);
}
