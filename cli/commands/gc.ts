import { type Report, runCollection } from '../../gc/index.ts';
import { dataPaths, type LoadedConfig } from '../../runtime/config.ts';
import { callControl } from '../../runtime/control.ts';
import { createLog } from '../../runtime/log.ts';
import { runProcessHere } from '../../supervisor/index.ts';
import { type Call, type Command, jsonOption, namedPositionals } from '../command.ts';
import { CommandError, UsageError } from '../errors.ts';
import { printJson, printLine } from '../output.ts';
import { describeReport } from '../report.ts';
import { loadAlone, loadExisting, processFlags } from '../settings.ts';

export const command: Command = {
  summary: 'remove what nothing refers to any more',
  usage: ['gc [--dry-run] [--json]', 'gc --scheduled'],
  description:
    'Runs one collection now, in the running collector where there is one. Pushes and pulls go on meanwhile.\nWhat a client was told exists is kept until its lease (gc.lease) is over; the report says until when.\nExit code 1: something could not be removed; the report names it.',
  options: {
    'dry-run': { type: 'boolean', description: 'remove nothing, say what would be removed' },
    ...jsonOption,
    scheduled: { type: 'boolean', description: 'run the collector process alone, by its schedule' },
  },
  examples: [
    ['gc --dry-run', 'what would be removed?'],
    ['gc --data /srv/gatehouse --json', 'collect, print one JSON object'],
    ['gc --scheduled', 'the collector as a service of its own'],
  ],
  async run(call) {
    namedPositionals(call.positionals, []);
    if (call.given.has('scheduled')) return await runScheduled(call);
    const dryRun = call.given.has('dry-run');
    const report = await collect(loadExisting(call.flags), dryRun);
    if (call.given.has('json')) printJson(report);
    else printLine(describeReport(report));
    return report.errors.length > 0 ? 1 : 0;
  },
};

async function runScheduled({ flags, given }: Call): Promise<undefined> {
  if (given.size > 1) throw new UsageError('--scheduled takes neither --dry-run nor --json');
  await runProcessHere('gc', processFlags(loadAlone(flags), flags));
}

/** The collector that runs does it; without one this process does, under the same lock. */
async function collect({ config }: LoadedConfig, dryRun: boolean): Promise<Report> {
  const socket = dataPaths(config).collectorSocket;
  const answer = await callControl(socket, 'POST', '/run', { dryRun }).catch((error: Error) => {
    throw new CommandError(`the collector could not do it (${error.message}); its log says more`);
  });
  if (answer !== undefined) return answer as Report;
  return await runCollection(config, { dryRun, log: createLog('gc', config['log.level']) });
}
