import { type VerifyReport, verifyStore } from '../../gc/verify-store.ts';
import type { Config } from '../../runtime/config-schema.ts';
import { type Call, type Command, jsonOption, namedPositionals } from '../command.ts';
import { countOf, formatBytes } from '../format.ts';
import { limitOf } from '../limit.ts';
import { printJson, printLine } from '../output.ts';
import { quietLog, showProgress } from '../progress.ts';
import { loadExisting } from '../settings.ts';

export const command: Command = {
  summary: 'read everything that is stored and compare it with what it should be',
  usage: ['verify [--quick] [--repair] [-n N] [--json]'],
  description:
    'Reads every blob and manifest and compares size and digest, looks for files that no row of the database names,\nand has the database checked. It may run while people push and pull, and changes nothing without --repair.\nWith it: what is missing or damaged is marked so, which the next push of it heals; wrong references are made\nanew; unnamed files are left to the next collection. Exit code 1: something is wrong still.',
  options: {
    quick: { type: 'boolean', description: 'compare sizes only, read no file' },
    repair: { type: 'boolean', description: 'put right what can be' },
    limit: { type: 'string', short: 'n', value: 'N', description: 'list at most N findings (100; 0: all)' },
    ...jsonOption,
  },
  examples: [
    ['verify', 'is all of it whole?'],
    ['verify --quick --json', 'for a nightly check'],
    ['verify --repair', 'after a disk lost files: the next pushes heal it'],
  ],
  async run(call) {
    namedPositionals(call.positionals, []);
    const { config } = loadExisting(call.flags);
    const report = await verify(config, call);
    if (call.given.has('json')) printJson(report);
    else show(report);
    return report.left + report.marked > 0 ? 1 : 0;
  },
};

async function verify(config: Config, call: Call): Promise<VerifyReport> {
  let end = () => {};
  try {
    return await verifyStore(config, {
      quick: call.given.has('quick'),
      repair: call.given.has('repair'),
      limit: limitOf(call, 100),
      log: quietLog(config),
      onBegin(progress) {
        end = showProgress(async () => progress.report());
      },
    });
  } finally {
    end();
  }
}

function show(report: VerifyReport): void {
  const { manifests, blobs, files, bytes_read: bytesRead, quick, findings } = report;
  const read = quick ? 'sizes only' : `${formatBytes(bytesRead)} read`;
  printLine(
    `Looked at ${countOf(manifests, 'manifest')}, ${countOf(blobs, 'blob')}, ${countOf(files, 'file')} (${read}, ${report.duration_ms} ms).`,
  );
  for (const { problem, what, message, bytes, outcome } of findings) {
    printLine(`${problem}  ${what}  (${formatBytes(bytes)})\n    ${message}${outcomeText[outcome]}`);
  }
  const total = report.left + report.marked + report.repaired;
  if (total > findings.length) printLine(`… and ${total - findings.length} more (-n 0: all)`);
  const counts = Object.entries(report.problems).map(([problem, count]) => `${count} ${problem}`);
  if (total === 0) printLine('Nothing is wrong.');
  else
    printLine(
      `Wrong: ${counts.join(', ')}. Repaired ${report.repaired}, marked ${report.marked}, left ${report.left}.`,
    );
}

const outcomeText = { found: '', repaired: ' [repaired]', marked: ' [marked; the next push of it heals it]' };
