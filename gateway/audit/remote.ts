import type { AuditEntry } from '../../runtime/audit-entry.ts';
import type { Channel, Hub } from '../workers/channel.ts';
import type { AuditRecorder, AuditTrail } from './trail.ts';

const services = {
  record: 'audit.record',
  used: 'audit.used',
  commit: 'audit.commit',
  fault: 'audit.fault',
} as const;

/** The trail as workers see it: the primary has the one that writes. */
export function auditOver(channel: Channel): AuditRecorder {
  return {
    commit: (entry) => channel.call(services.commit, entry),
    record: (entry) => channel.post(services.record, entry),
    used: (credential, address) => channel.post(services.used, [credential, address]),
  };
}

/** @returns why the last write failed; undefined when it did not. */
export async function auditFault(channel: Channel): Promise<string | undefined> {
  return (await channel.call<string | null>(services.fault)) ?? undefined;
}

export function serveAudit(hub: Hub, trail: AuditTrail): void {
  hub.serve(services.record, (entry: AuditEntry) => trail.record(entry));
  hub.serve(services.commit, (entry: AuditEntry) => trail.commit(entry));
  hub.serve(services.fault, () => trail.status()?.error ?? null);
  hub.serve(services.used, ([credential, address]: [string, string]) => trail.used(credential, address));
}
