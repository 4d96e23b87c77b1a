import { historyOf, type PastRun } from '../gc/inspect.ts';
import { type Call, namedPositionals } from './command.ts';
import { formatBytes } from './format.ts';
import { limitOf } from './limit.ts';
import { printJson, printLine, printTable } from './output.ts';
import { loadExisting } from './settings.ts';

/** `gatehouse gc history`: past runs, the newest first. */
export async function run(call: Call): Promise<number> {
  namedPositionals(call.positionals, []);
  const { config } = loadExisting(call.flags);
  const runs = await historyOf(config, limitOf(call));
  if (call.given.has('json')) printJson(runs);
  else if (runs.length === 0) printLine('There was no run yet.');
  else
    printTable(
      ['run', 'started', 'took', 'freed', 'tags', 'manifests', 'blobs', 'uploads', 'errors'],
      runs.map(row),
    );
  return 0;
}

function row({ run, state, started_at: startedAt, report }: PastRun): string[] {
  if (!report) return [String(run), startedAt, state, '-', '-', '-', '-', '-', '-'];
  return [
    String(run),
    startedAt,
    `${report.duration_ms} ms`,
    formatBytes(report.bytes_freed),
    String(report.tags_deleted),
    String(report.manifests_deleted),
    String(report.blobs_swept),
    String(report.uploads_expired),
    String(report.errors.length),
  ];
}
