import { type AuditEntry, formatEntry } from '../../runtime/audit-entry.ts';
import { dataPaths } from '../../runtime/config.ts';
import type { Config } from '../../runtime/config-schema.ts';
import { type AuditFilter, matchesFilter } from './filter.ts';
import { AuditReader } from './reader.ts';
import { readSpool } from './spool.ts';

export { audited } from './admin-changes.ts';
export type { AuditFilter } from './filter.ts';
export { AuditReader, type ChainReport } from './reader.ts';
export type { AuditTrail } from './trail.ts';

/** The newest entries that match, oldest of them first, with those that wait for the next gateway. */
export async function newestEntries(
  config: Config,
  reader: AuditReader,
  filter: AuditFilter,
  limit: number,
): Promise<AuditEntry[]> {
  const spooled = (await readSpool(config)).filter((entry) => matchesFilter(entry, filter));
  const { entries } = reader.page(filter, limit);
  const known = new Set(entries.map(formatEntry));
  const all = [...entries, ...spooled.filter((entry) => !known.has(formatEntry(entry)))];
  return all.sort((one, other) => one.at - other.at).slice(-limit);
}

export function openAuditReader(config: Config): AuditReader {
  return new AuditReader(dataPaths(config).auditDatabase);
}
