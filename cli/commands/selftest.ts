import { parseDuration } from '../../runtime/config-schema.ts';
import { type Command, jsonOption, namedPositionals } from '../command.ts';
import { UsageError } from '../errors.ts';
import { formatBytes, formatUptime } from '../format.ts';
import { printJson, printLine } from '../output.ts';
import { type SoakReport, soak } from '../selftest/index.ts';
import { loadAlone } from '../settings.ts';

export const command: Command = {
  summary: 'prove on this machine that collecting while people push is safe',
  usage: ['selftest [--soak DURATION] [--json]'],
  description:
    'Starts a registry of its own in a scratch directory on the same disks (the one that runs is not touched), and\npushes, mounts, signs, pulls and deletes there while collections run without a pause, with a lease of 5 s. Then\neverything is deleted and collected, and the scratch directory is removed. Exit code 1: something was refused,\nbroken or left over, or the soak was too short to prove anything. It loads disks and processors fully.',
  options: {
    soak: { type: 'string', value: 'DURATION', description: 'how long, such as 60s or 10m (default 30s)' },
    ...jsonOption,
  },
  examples: [
    ['selftest', 'half a minute'],
    ['selftest --soak 10m --data /srv/gatehouse', 'on the disk that holds /srv/gatehouse'],
  ],
  async run(call) {
    namedPositionals(call.positionals, []);
    const durationMs = soakDuration(call.values.get('soak') ?? '30s');
    const { config } = loadAlone(call.flags);
    const interrupted = new AbortController();
    const interrupt = () => interrupted.abort();
    process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
    const report = await soak(config, durationMs, interrupted.signal);
    if (call.given.has('json')) printJson(report);
    else show(report);
    return report.passed ? 0 : 1;
  },
};

function soakDuration(text: string): number {
  const durationMs = parseDuration(text);
  if (durationMs === undefined || durationMs < 1000 || durationMs > 86_400_000) {
    throw new UsageError(`--soak: expected a duration from 1s to 24h, found ${JSON.stringify(text)}`);
  }
  return durationMs;
}

function show(report: SoakReport): void {
  const rows: [string, number | string][] = [
    ['duration', formatUptime(Math.round(report.duration_ms / 1000))],
    ['events', report.events],
    ['pushes', `${report.pushes} (${report.late_pushes} late)`],
    ['refused pushes', report.refused_pushes],
    ['pulls', report.pulls],
    ['broken pulls', report.broken_pulls],
    ['deletions', report.deletions],
    ['collections', report.collections],
    ['blobs swept', `${report.blobs_swept} of ${report.blobs_uploaded} uploaded`],
    ['freed', formatBytes(report.bytes_freed)],
    ['pushed while condemned', report.repushed_while_condemned],
    ['files left', report.files_left],
  ];
  for (const [name, value] of rows) printLine(`${name.padEnd(24)}${value}`);
  for (const failure of report.failures) printLine(`Failed: ${failure}`);
  printLine(report.passed ? 'passed' : 'FAILED');
}
