import type { RequestContext } from '../../runtime/request-context.ts';
import type { Statements } from './statements.ts';

/** In whose name the collector's runs do what they do. */
export const collector: RequestContext = { actor: 'gc', requestId: '-', clientAddress: '-' };

export type EventKind =
  | 'blob.push'
  | 'blob.revive'
  | 'blob.mount'
  | 'blob.delete'
  | 'manifest.push'
  | 'manifest.delete'
  | 'tag.push'
  | 'tag.delete';

/** Journals a change in the transaction that makes it, for notifications and replication. */
export function recordEvent(
  statements: Statements,
  event: { at: number; kind: EventKind; repository: string; digest: string; tag?: string },
  context: RequestContext,
): void {
  statements.run(
    `INSERT INTO events (at, kind, repository, digest, tag, actor, request_id, client_address)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
    event.at,
    event.kind,
    event.repository,
    event.digest,
    event.tag ?? null,
    context.actor,
    context.requestId,
    context.clientAddress,
  );
}
