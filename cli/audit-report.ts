import type { AuditEntry } from '../runtime/audit-entry.ts';
import { operator, reportToAudit } from '../runtime/audit-report.ts';
import type { Config } from '../runtime/config-schema.ts';
import { CommandError } from './errors.ts';

/** Writes down what a command did. @throws CommandError when that cannot be kept anywhere. */
export async function reportChange(config: Config, entry: AuditEntry): Promise<void> {
  try {
    await reportToAudit(config, entry);
  } catch (error) {
    throw new CommandError(
      `it is done, but it could not be written into the audit trail: ${(error as Error).message}`,
    );
  }
}

/** The same for a change that has no other words. */
export function reportAction(
  config: Config,
  change: Pick<AuditEntry, 'action' | 'subject' | 'detail'>,
): Promise<void> {
  return reportChange(config, { at: Date.now(), ...operator(), ...change, result: 'ok' });
}
