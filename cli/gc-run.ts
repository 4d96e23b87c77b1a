import { type ProgressReport, type Report, runCollection } from '../gc/index.ts';
import { operator } from '../runtime/audit-report.ts';
import { dataPaths, type LoadedConfig } from '../runtime/config.ts';
import type { Config } from '../runtime/config-schema.ts';
import { callControl } from '../runtime/control.ts';
import { type Call, namedPositionals } from './command.ts';
import { CommandError, UsageError } from './errors.ts';
import { printJson, printLine } from './output.ts';
import { quietLog, showProgress } from './progress.ts';
import { describeReport } from './report.ts';
import { loadAlone, loadExisting, processFlags } from './settings.ts';

/** `gatehouse gc`: one collection, or with `--scheduled` the collector's process. */
export async function run(call: Call): Promise<number | undefined> {
  namedPositionals(call.positionals, []);
  if (call.given.has('scheduled')) return await runScheduled(call);
  const dryRun = call.given.has('dry-run');
  const report = await collect(loadExisting(call.flags), dryRun);
  if (call.given.has('json')) printJson(report);
  else printLine(describeReport(report));
  return report.errors.length > 0 ? 1 : 0;
}

async function runScheduled({ flags, given }: Call): Promise<undefined> {
  if (given.size > 1) throw new UsageError('--scheduled takes neither --dry-run nor --json');
  const { runProcessHere } = await import('../supervisor/index.ts');
  await runProcessHere('gc', processFlags(loadAlone(flags), flags));
}

/** The collector that runs does it; without one this process does, under the same lock. */
async function collect({ config }: LoadedConfig, dryRun: boolean): Promise<Report> {
  const socket = dataPaths(config).collectorSocket;
  const end = showProgress(async () => progressOf(await callControl(socket, 'GET', '/status')));
  try {
    const answer = await callControl(socket, 'POST', '/run', { dryRun, by: operator() }).catch(
      (error: Error) => {
        throw new CommandError(`the collector could not do it (${error.message}); its log says more`);
      },
    );
    if (answer !== undefined) return answer as Report;
  } finally {
    end();
  }
  return await collectHere(config, dryRun);
}

async function collectHere(config: Config, dryRun: boolean): Promise<Report> {
  let end = () => {};
  try {
    return await runCollection(config, {
      dryRun,
      log: quietLog(config),
      by: operator(),
      onBegin(progress) {
        end = showProgress(() => progress.read());
      },
    });
  } finally {
    end();
  }
}

function progressOf(status: unknown): ProgressReport | undefined {
  return (status as { progress?: ProgressReport | null } | undefined)?.progress ?? undefined;
}
