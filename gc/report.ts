import { randomUUID } from 'node:crypto';
import type { AuditEntry } from '../runtime/audit-entry.ts';

/** What a run did, or with `dry_run` what one would do. The names are an interface for scripts. */
export interface Report {
  /** The number of the run, by which `gatehouse gc history` and `undo` know it; null of a dry run. */
  run: number | null;
  dry_run: boolean;
  started_at: string;
  finished_at: string;
  duration_ms: number;
  /** By policies; what clients deleted is not counted. */
  tags_deleted: number;
  manifests_deleted: number;
  links_deleted: number;
  blobs_condemned: number;
  blobs_swept: number;
  /** Bytes given back to the file system; of a dry run: that would be. */
  bytes_freed: number;
  /** Bytes moved into the trash: `gatehouse gc undo` can bring them back, and they are not free yet. */
  bytes_trashed: number;
  /** Of the bytes freed, those that came out of the trash. */
  bytes_purged: number;
  uploads_expired: number;
  /** Blobs that will go by themselves: only leases and the untagged policy still hold them. */
  held_blobs: number;
  held_bytes: number;
  /** When the next of anything can go, or null when nothing waits. */
  next_due: string | null;
  /** The wall clock was set by over an hour: nothing was deleted by age. */
  clock_suspect: boolean;
  /** What could not be removed or decided. The run went on. */
  errors: ReportError[];
}

export interface ReportError {
  what: string;
  message: string;
}

export function newReport(dryRun: boolean, startedAt: Date): Report {
  return {
    run: null,
    dry_run: dryRun,
    started_at: startedAt.toISOString(),
    finished_at: startedAt.toISOString(),
    duration_ms: 0,
    tags_deleted: 0,
    manifests_deleted: 0,
    links_deleted: 0,
    blobs_condemned: 0,
    blobs_swept: 0,
    bytes_freed: 0,
    bytes_trashed: 0,
    bytes_purged: 0,
    uploads_expired: 0,
    held_blobs: 0,
    held_bytes: 0,
    next_due: null,
    clock_suspect: false,
    errors: [],
  };
}

/** A report stays readable when ten thousand files cannot be removed. */
const maxErrors = 100;

export function addError(report: Report, what: string, error: unknown): void {
  if (report.errors.length < maxErrors) report.errors.push({ what, message: (error as Error).message });
}

/** What the audit trail says of a run. */
export function collectionEntry(report: Report, by: Pick<AuditEntry, 'actor' | 'actorKind'>): AuditEntry {
  const {
    run,
    tags_deleted: tags,
    manifests_deleted: manifests,
    blobs_swept: blobs,
    bytes_freed: bytes,
  } = report;
  return {
    at: Date.parse(report.finished_at),
    action: 'collection',
    actor: by.actor,
    actorKind: by.actorKind,
    result: report.errors.length > 0 ? 'failed' : 'ok',
    requestId: randomUUID(),
    detail: { run, tags, manifests, blobs, bytes },
  };
}
