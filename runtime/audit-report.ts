import { randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type AuditEntry, formatEntry } from './audit-entry.ts';
import { dataPaths } from './config.ts';
import type { Config } from './config-schema.ts';
import { callControl } from './control.ts';
import { syncDirectory, writeFileDurably } from './durable-file.ts';

/** The command line, as whom it was started: of `sudo`, the one who typed it. */
export function operator(): Pick<AuditEntry, 'actor' | 'actorKind' | 'requestId'> {
  const { SUDO_USER, LOGNAME, USER } = process.env;
  const actor = SUDO_USER || LOGNAME || USER || `uid ${process.getuid?.() ?? 'unknown'}`;
  return { actor, actorKind: 'operator', requestId: randomUUID() };
}

/** A gateway that works commits within milliseconds. */
const commitLimitMs = 5000;

/**
 * Puts an entry of another process than the gateway into the audit trail, which only the gateway writes. Resolves
 * when the entry is durable: committed by the gateway, or, where none runs, it cannot write or does not answer,
 * in a file of its own that the next one takes up. An entry that comes both ways is written once.
 * @throws Error when it can be kept nowhere.
 */
export async function reportToAudit(config: Config, entry: AuditEntry): Promise<void> {
  if (config['audit.trail'] === 'off') return;
  const { gatewaySocket, auditSpool } = dataPaths(config);
  // Killed before its answer, unable to write, or hanging: the file is for all.
  const asked = callControl(gatewaySocket, 'POST', '/audit', entry, commitLimitMs);
  const answer = await asked.catch(() => undefined);
  if (answer !== undefined) return;
  await mkdir(auditSpool, { recursive: true, mode: 0o700 });
  await syncDirectory(config.data);
  await writeFileDurably(join(auditSpool, `${entry.at}-${randomUUID()}.json`), formatEntry(entry));
}
