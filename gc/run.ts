import type { ClockReading } from '../registry-core/metadata/clock.ts';
import type { Collection } from '../registry-core/metadata/collection.ts';
import type { BlobStore } from '../registry-core/storage/blob-store.ts';
import { faultPoint } from '../runtime/fault-points.ts';
import { expireUploads } from './expire-uploads.ts';
import { mark } from './mark.ts';
import { breathe } from './pace.ts';
import { applyPolicies } from './policies.ts';
import { newReport, type Report } from './report.ts';
import type { RunProgress } from './run-progress.ts';
import { sweep } from './sweep.ts';
import { timeText } from './time.ts';
import { purgeTrash } from './trash.ts';

export interface Run {
  collection: Collection;
  store: BlobStore;
  clock: ClockReading;
  eventsRetentionMs: number;
  /** Whether the disk is short of space: then nothing goes into the trash, and all that is there goes. */
  isShort?: (() => Promise<boolean>) | undefined;
  /** Is told of each phase. */
  progress?: RunProgress | undefined;
  /** Stops the run between two transactions. */
  signal?: AbortSignal | undefined;
}

/**
 * One collection, while people push: expire sessions, apply policies, mark, sweep, report. Every step can be cut off anywhere; the
 * next run finishes it.
 */
export async function collect(work: Run): Promise<Report> {
  const { collection, clock, eventsRetentionMs, progress, signal } = work;
  const startedAt = new Date();
  const report = newReport(false, startedAt);
  const run = await collection.beginRun();
  report.run = run;
  progress?.begin('expiring', report);
  report.clock_suspect = (await collection.checkClock(clock)).suspect;
  if (!report.clock_suspect) {
    await expireUploads(collection, report, signal);
    await applyPolicies(collection, report, signal);
    progress?.begin('marking', report);
    await mark(collection, report, signal);
    await trimEvents(collection, eventsRetentionMs, signal);
  }
  progress?.begin('sweeping', report);
  await clearAway(work, report);
  progress?.begin('reporting', report);
  await finish(collection, report, startedAt);
  faultPoint('gc.run.swept');
  await collection.finishRun(run, report);
  faultPoint('gc.run.recorded');
  return report;
}

async function clearAway({ collection, store, isShort, signal }: Run, report: Report): Promise<void> {
  const short = (await isShort?.()) ?? false;
  const trash = collection.trash.isOn && !short;
  await sweep(collection, store, report, { signal, trash });
  if (trash && report.clock_suspect) return;
  await purgeTrash(collection, store, report, { all: short, signal });
}

/** What a run would do now. Writes nothing. */
export async function plan(collection: Collection): Promise<Report> {
  const startedAt = new Date();
  const report = newReport(true, startedAt);
  const { tags, manifests, links, blobs, bytes, sessions } = await collection.plan(Date.now());
  report.tags_deleted = tags.length;
  report.manifests_deleted = manifests.length;
  report.links_deleted = links;
  report.blobs_condemned = blobs;
  report.blobs_swept = blobs;
  const expired = await collection.trash.size(false);
  report.bytes_purged = expired.bytes;
  report.bytes_trashed = collection.trash.isOn ? bytes : 0;
  report.bytes_freed = bytes - report.bytes_trashed + expired.bytes;
  report.uploads_expired = sessions;
  await finish(collection, report, startedAt);
  return report;
}

async function finish(collection: Collection, report: Report, startedAt: Date): Promise<void> {
  const waiting = await collection.plan(Number.POSITIVE_INFINITY);
  // A dry run has left in place what it counted already.
  report.held_blobs = waiting.blobs - (report.dry_run ? report.blobs_swept : 0);
  report.held_bytes =
    waiting.bytes - (report.dry_run ? report.bytes_freed - report.bytes_purged + report.bytes_trashed : 0);
  const nextDue = await collection.nextDue();
  report.next_due = nextDue === undefined ? null : timeText(nextDue);
  report.finished_at = new Date().toISOString();
  report.duration_ms = Date.now() - startedAt.getTime();
}

async function trimEvents(collection: Collection, retentionMs: number, signal?: AbortSignal): Promise<void> {
  while ((await collection.trimEvents(retentionMs, 500)) > 0) {
    faultPoint('gc.events.trimmed');
    await breathe(collection, signal);
  }
}
