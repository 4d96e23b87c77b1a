import type { Report } from '../gc/index.ts';
import { formatBytes } from './format.ts';

/** The report for people. */
export function describeReport(report: Report): string {
  const { dry_run: dryRun } = report;
  const lines = [
    `${dryRun ? 'Would free' : 'Freed'} ${formatBytes(report.bytes_freed)}: ${count(report.blobs_swept, 'blob')}, ${count(report.manifests_deleted, 'manifest')}, ${count(report.links_deleted, 'link')}, ${count(report.uploads_expired, 'abandoned upload')} (${report.duration_ms} ms).`,
  ];
  if (report.held_blobs > 0) {
    const due = report.next_due ? `, the first of it until ${report.next_due}` : '';
    lines.push(
      `Still held by leases: ${formatBytes(report.held_bytes)} in ${count(report.held_blobs, 'blob')}${due}.`,
    );
  }
  if (report.clock_suspect) {
    lines.push('The clock of this machine has jumped: nothing was removed by age in this run.');
  }
  for (const { what, message } of report.errors) lines.push(`Failed: ${what}: ${message}`);
  return lines.join('\n');
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
