import type { ClockReading } from '../registry-core/metadata/clock.ts';
import type { Collection } from '../registry-core/metadata/collection.ts';
import type { BlobStore } from '../registry-core/storage/blob-store.ts';
import { expireUploads } from './expire-uploads.ts';
import { mark } from './mark.ts';
import { breathe } from './pace.ts';
import { newReport, type Report } from './report.ts';
import { sweep } from './sweep.ts';

export interface Run {
  collection: Collection;
  store: BlobStore;
  clock: ClockReading;
  eventsRetentionMs: number;
  /** Stops the run between two transactions. */
  signal?: AbortSignal | undefined;
}

/**
 * One collection, while people push: expire sessions, mark, sweep, report. Every step can be cut off anywhere; the
 * next run finishes it.
 */
export async function collect({ collection, store, clock, eventsRetentionMs, signal }: Run): Promise<Report> {
  const startedAt = new Date();
  const report = newReport(false, startedAt);
  report.clock_suspect = (await collection.checkClock(clock)).suspect;
  if (!report.clock_suspect) {
    await expireUploads(collection, report, signal);
    await mark(collection, report, signal);
    await trimEvents(collection, eventsRetentionMs, signal);
  }
  await sweep(collection, store, report, signal);
  await finish(collection, report, startedAt);
  await collection.recordRun(startedAt.getTime(), Date.now(), report);
  return report;
}

/** What a run would do now. Writes nothing. */
export async function plan(collection: Collection): Promise<Report> {
  const startedAt = new Date();
  const report = newReport(true, startedAt);
  const { manifests, links, blobs, bytes, sessions } = await collection.plan(Date.now());
  report.manifests_deleted = manifests.length;
  report.links_deleted = links;
  report.blobs_condemned = blobs;
  report.blobs_swept = blobs;
  report.bytes_freed = bytes;
  report.uploads_expired = sessions;
  await finish(collection, report, startedAt);
  return report;
}

async function finish(collection: Collection, report: Report, startedAt: Date): Promise<void> {
  const waiting = await collection.plan(Number.POSITIVE_INFINITY);
  // A dry run has left in place what it counted already.
  report.held_blobs = waiting.blobs - (report.dry_run ? report.blobs_swept : 0);
  report.held_bytes = waiting.bytes - (report.dry_run ? report.bytes_freed : 0);
  const nextDue = await collection.nextDue();
  report.next_due = nextDue === undefined ? null : new Date(nextDue).toISOString();
  report.finished_at = new Date().toISOString();
  report.duration_ms = Date.now() - startedAt.getTime();
}

async function trimEvents(collection: Collection, retentionMs: number, signal?: AbortSignal): Promise<void> {
  while ((await collection.trimEvents(retentionMs, 500)) > 0) await breathe(signal);
}
