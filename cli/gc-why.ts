import { parseQuestion, type WhyPlaceReport, type WhyReport, whyOf } from '../gc/inspect.ts';
import { type Call, namedPositionals } from './command.ts';
import { CommandError, UsageError } from './errors.ts';
import { formatBytes } from './format.ts';
import { limitOf } from './limit.ts';
import { printJson, printLine } from './output.ts';
import { loadExisting } from './settings.ts';

/** `gatehouse gc why`: what keeps a manifest or a blob, and the earliest time at which it can go. */
export async function run(call: Call): Promise<number> {
  const { WHAT: what } = namedPositionals(call.positionals, ['WHAT']);
  const question = parseQuestion(what);
  if (!question) throw new UsageError('expected REPOSITORY@DIGEST, REPOSITORY:TAG or DIGEST');
  const { config } = loadExisting(call.flags);
  const why = await whyOf(config, question, limitOf(call));
  if (!why) throw new CommandError(`there is no ${what} in this registry: nothing has to keep it`);
  if (call.given.has('json')) printJson(why);
  else show(why);
  return 0;
}

function show({ digest, blob, places, elsewhere, more }: WhyReport): void {
  for (const place of places) showPlace(digest, place);
  if (blob) showBlob(blob, elsewhere);
  if (more) printLine('… and further repositories (-n 0: all)');
}

function showBlob(blob: NonNullable<WhyReport['blob']>, elsewhere: WhyReport['elsewhere']): void {
  for (const { repository, earliest } of elsewhere) {
    printLine(
      `${repository} holds the blob as well, ${earliest ? `at least until ${earliest}` : 'without an end'}.`,
    );
  }
  if (blob.state === 'condemned') {
    printLine(`Its bytes were condemned by run ${blob.condemned_by}: the next run removes its file.`);
  } else printLine(`Its bytes (${formatBytes(blob.bytes)}, ${blob.state}) ${goes('stay', blob.earliest)}.`);
}

function showPlace(
  digest: string,
  { repository, kind, bytes, earliest, due, chains, more }: WhyPlaceReport,
): void {
  printLine(`${kind} ${repository}@${digest} (${formatBytes(bytes)})`);
  for (const { steps } of chains) {
    for (const [depth, step] of steps.entries()) {
      printLine(`  ${'  '.repeat(depth)}${depth > 0 ? '└ ' : ''}${step}`);
    }
  }
  if (more) printLine('  … and further ones (-n 0: all)');
  if (due) printLine('  Nothing keeps it: the next run takes it.');
  else if (chains.length === 0 && earliest === null) {
    printLine('  Nothing keeps it, and no run would look at it: gatehouse verify --repair puts that right.');
  } else printLine(`  It ${goes('stays', earliest)}.`);
}

function goes(stays: 'stay' | 'stays', earliest: string | null): string {
  return earliest === null ? `${stays} as long as this is so` : `can go from ${earliest} on`;
}
