import type { Report } from '../gc/index.ts';
import { countOf, formatBytes } from './format.ts';

/** The report for people. */
export function describeReport(report: Report): string {
  const { dry_run: dryRun } = report;
  const lines = [
    `${dryRun ? 'Would free' : 'Freed'} ${formatBytes(report.bytes_freed)}: ${countOf(report.blobs_swept, 'blob')}, ${countOf(report.manifests_deleted, 'manifest')}, ${countOf(report.links_deleted, 'link')}, ${countOf(report.uploads_expired, 'abandoned upload')} (${report.duration_ms} ms).`,
  ];
  if (report.tags_deleted > 0) {
    lines.push(
      `${dryRun ? 'Policies would remove' : 'Removed by policies:'} ${countOf(report.tags_deleted, 'tag')}.`,
    );
  }
  if (report.bytes_trashed > 0) {
    const undo = report.run === null ? '' : `; to bring it back: gatehouse gc undo ${report.run}`;
    lines.push(`Into the trash: ${formatBytes(report.bytes_trashed)}${undo}`);
  }
  if (report.bytes_purged > 0) {
    lines.push(`Out of the trash: ${formatBytes(report.bytes_purged)} of those freed.`);
  }
  if (report.held_blobs > 0) {
    const due = report.next_due ? `, the first of it until ${report.next_due}` : '';
    lines.push(
      `Still held by leases: ${formatBytes(report.held_bytes)} in ${countOf(report.held_blobs, 'blob')}${due}.`,
    );
  }
  if (report.clock_suspect) {
    lines.push('The clock of this machine has jumped: nothing was removed by age in this run.');
  }
  for (const { what, message } of report.errors) lines.push(`Failed: ${what}: ${message}`);
  return lines.join('\n');
}
