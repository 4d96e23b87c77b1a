import type { ProgressReport } from '../gc/index.ts';
import { formatBytes, formatUptime } from './format.ts';

const barWidth = 24;

/** `sweeping [████░░░░] 12 of 90, 1.0 MiB of 8.0 MiB, 5 s left`, at most so many columns wide. */
export function progressLine(progress: ProgressReport, columns: number): string {
  const { phase, done, total, bytes_done: bytesDone, bytes_total: bytesTotal } = progress;
  const figures = [
    ...(total > 0 ? [`${done} of ${total}`] : []),
    ...(bytesTotal > 0 ? [`${formatBytes(bytesDone)} of ${formatBytes(bytesTotal)}`] : []),
    ...(progress.seconds_left === null ? [] : [`${formatUptime(progress.seconds_left)} left`]),
  ];
  const share = bytesTotal > 0 ? bytesDone / bytesTotal : total > 0 ? done / total : 0;
  return [phase, bar(share), figures.join(', ')]
    .join(' ')
    .trimEnd()
    .slice(0, columns - 1);
}

function bar(share: number): string {
  const filled = Math.floor(share * barWidth);
  return `[${'█'.repeat(filled)}${'░'.repeat(barWidth - filled)}]`;
}
