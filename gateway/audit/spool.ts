import { readdir, readFile, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { type AuditEntry, parseEntry } from '../../runtime/audit-entry.ts';
import { dataPaths } from '../../runtime/config.ts';
import type { Config } from '../../runtime/config-schema.ts';
import type { Log } from '../../runtime/log.ts';
import { type Sink, singleBatch } from './batch.ts';

/** Takes up what other processes left while no gateway could write it; see `runtime/audit-report.ts`. */
export async function takeUpSpool(config: Config, sink: Sink, log: Log): Promise<void> {
  const { auditSpool } = dataPaths(config);
  for (const name of await spooledNames(auditSpool)) {
    const path = join(auditSpool, name);
    try {
      await sink(singleBatch(parseEntry(await readFile(path, 'utf8'))));
      // Taken up twice after a crash here, it is still written once.
      await unlink(path);
    } catch (error) {
      log.error('an entry for the audit trail cannot be taken up', { path, error });
    }
  }
}

/** Entries that wait there, oldest first, for those who read. */
export async function readSpool(config: Config): Promise<AuditEntry[]> {
  const { auditSpool } = dataPaths(config);
  const names = await spooledNames(auditSpool);
  const texts = await Promise.all(
    names.map((name) => readFile(join(auditSpool, name), 'utf8').catch(() => '')),
  );
  // One that has just been taken up is in audit.db.
  return texts.filter((text) => text !== '').map(parseEntry);
}

async function spooledNames(directory: string): Promise<string[]> {
  const names = await readdir(directory).catch(() => []);
  // Its name begins with its time; files that are still being written end in .tmp.
  return names.filter((name) => name.endsWith('.json')).sort();
}
