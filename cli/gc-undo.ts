import { type UndoReport, undoRun } from '../gc/undo-run.ts';
import { type Call, namedPositionals } from './command.ts';
import { UsageError } from './errors.ts';
import { countOf, formatBytes } from './format.ts';
import { printJson, printLine } from './output.ts';
import { loadExisting } from './settings.ts';

/** `gatehouse gc undo RUN`: brings back what a run removed, as far as the trash has it. */
export async function run(call: Call): Promise<number> {
  const { RUN: text } = namedPositionals(call.positionals, ['RUN']);
  if (!/^[1-9][0-9]{0,14}$/.test(text)) {
    throw new UsageError('RUN is the number of a run; gc history shows them');
  }
  const { config } = loadExisting(call.flags);
  const report = await undoRun(config, Number(text), { dryRun: call.given.has('dry-run') });
  if (call.given.has('json')) printJson(report);
  else printLine(describeUndo(report));
  return report.could_not.length > 0 ? 1 : 0;
}

/** The report for people. */
export function describeUndo(report: UndoReport): string {
  const { dry_run: dryRun, blobs, manifests, tags, bytes, already_there: there } = report;
  const figures = [countOf(blobs, 'blob'), countOf(manifests, 'manifest'), countOf(tags, 'tag')].join(', ');
  const lines = [
    `${dryRun ? 'Would bring' : 'Brought'} back ${figures}: ${formatBytes(bytes)} out of the trash.`,
  ];
  if (there > 0) lines.push(`There already: ${there}.`);
  for (const { what, why } of report.could_not) lines.push(`Could not: ${what}: ${why}`);
  return lines.join('\n');
}
